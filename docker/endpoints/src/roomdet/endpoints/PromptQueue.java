// SPDX-License-Identifier: AGPL-3.0-or-later
package roomdet.endpoints;

import java.lang.reflect.Field;
import java.util.Collections;
import java.util.Map;
import java.util.WeakHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.LinkedBlockingDeque;
import java.util.concurrent.TimeUnit;
import org.pytorch.serve.job.Job;
import org.pytorch.serve.wlm.Model;
import org.pytorch.serve.wlm.ModelManager;
import org.pytorch.serve.wlm.ModelVersionedRefs;

/**
 * The queue of a model version, from which a worker takes the requests that wait, and waits for the
 * first one only.
 *
 * <p>TorchServe waits for {@code maxBatchDelay} for more requests to come, a millisecond at least,
 * which a request that is alone pays for. This stands in its queue's place and hands on to it what
 * it is told; it has the methods that TorchServe 0.12.0 calls.
 *
 * <p>Requests that may take seconds ({@link PlanSize}) and all others take turns by time: after one
 * of the first, as much time is for the others, if any wait (docs/decisions/0059-turns.md). A
 * request whose client is gone is left out.
 */
final class PromptQueue extends LinkedBlockingDeque<Job> {

    private static final long serialVersionUID = 1L;
    private static final Field QUEUES = Internals.field(Model.class, "jobsDb");

    /** SageMaker waits for an answer for 60 s, and flats come between. */
    private static final long MOST_WAIT_NS =
            TimeUnit.SECONDS.toNanos(Integer.getInteger("roomdet.wait_s", 50));

    /** For as long several large ones are taken together: PDF files of flats take no seconds. */
    private static final long MOST_TOGETHER_NS = TimeUnit.SECONDS.toNanos(1);

    /** What a worker, which is a thread of TorchServe, is at. */
    private static final class Turn {
        private int large;
        private long startedNs;
    }

    private final LinkedBlockingDeque<Job> stock;
    private final transient ThreadLocal<Turn> turns = ThreadLocal.withInitial(Turn::new);
    private final transient Map<Job, Boolean> sizes =
            Collections.synchronizedMap(new WeakHashMap<>());
    /** How long a large request took of late; 0 until one was answered. */
    private volatile long largeNs;
    /** When large ones may go before small ones again. */
    private volatile long largeTurnNs = System.nanoTime();

    private PromptQueue(LinkedBlockingDeque<Job> stock) {
        this.stock = stock;
    }

    /** Let the workers of every version take requests in this way from now on; once is enough. */
    static synchronized void use() {
        for (Map.Entry<String, ModelVersionedRefs> versions :
                ModelManager.getInstance().getAllModels()) {
            for (Map.Entry<String, Model> version : versions.getValue().getAllVersions()) {
                // A worker that waits at the stock queue gets its request: it is put in there.
                queues(version.getValue())
                        .computeIfPresent(
                                Model.DEFAULT_DATA_QUEUE,
                                (name, queue) ->
                                        queue instanceof PromptQueue
                                                ? queue
                                                : new PromptQueue(queue));
            }
        }
    }

    @SuppressWarnings("unchecked")
    private static ConcurrentMap<String, LinkedBlockingDeque<Job>> queues(Model model) {
        return (ConcurrentMap<String, LinkedBlockingDeque<Job>>) Internals.read(QUEUES, model);
    }

    @Override
    public Job poll(long timeout, TimeUnit unit) throws InterruptedException {
        if (timeout != Long.MAX_VALUE) {
            return poll();
        }
        // For the first request of a batch TorchServe waits for as long as there is.
        Turn turn = turns.get();
        end(turn);
        Job job = null;
        while (job == null || !job.isOpen()) {
            Job next = whoseTurn();
            job = next != null && stock.remove(next) ? next : stock.poll(timeout, unit);
        }
        turn.large = isLarge(job) ? 1 : 0;
        turn.startedNs = System.nanoTime();
        return job;
    }

    /** One more for a batch, of the same kind. */
    @Override
    public Job poll() {
        Turn turn = turns.get();
        boolean isForLarge = turn.large > 0;
        if (isForLarge && (largeNs == 0 || (turn.large + 1) * largeNs > MOST_TOGETHER_NS)) {
            return null;
        }
        for (Job job : stock) {
            if (!job.isOpen()) {
                stock.remove(job); // nobody would read its answer
            } else if (isLarge(job) == isForLarge && stock.remove(job)) {
                turn.large += isForLarge ? 1 : 0;
                return job;
            }
        }
        return null;
    }

    /** Of those that wait, the one to begin a batch with; null if none waits. */
    private Job whoseTurn() {
        Job small = null;
        Job large = null;
        for (Job job : stock) {
            if (isLarge(job)) {
                large = large == null ? job : large;
            } else {
                small = small == null ? job : small;
            }
        }
        boolean isForLarge = small == null || System.nanoTime() - largeTurnNs >= 0;
        return large != null && isForLarge ? large : small;
    }

    private void end(Turn turn) {
        if (turn.large > 0) {
            long now = System.nanoTime();
            long tookNs = now - turn.startedNs;
            long eachNs = tookNs / turn.large;
            largeNs = largeNs == 0 ? eachNs : (largeNs + eachNs) / 2;
            largeTurnNs = now + tookNs;
            turn.large = 0;
        }
    }

    private boolean isLarge(Job job) {
        return sizes.computeIfAbsent(job, PlanSize::mayTakeSeconds);
    }

    @Override
    public boolean offer(Job job) {
        if (isLarge(job)) {
            long before = stock.stream().filter(this::isLarge).count();
            // With one that is being worked on, and this one itself.
            if (before > 0 && (before + 2) * largeNs > MOST_WAIT_NS) {
                return false; // 503 now rather than an answer that nobody waits for any more
            }
        }
        return stock.offer(job);
    }

    @Override
    public void addFirst(Job job) {
        stock.addFirst(job);
    }

    @Override
    public int size() {
        return stock.size();
    }

    @Override
    public boolean isEmpty() {
        return stock.isEmpty();
    }

    @Override
    public int remainingCapacity() {
        return stock.remainingCapacity();
    }
}
