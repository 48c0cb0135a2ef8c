// SPDX-License-Identifier: AGPL-3.0-or-later
package roomdet.endpoints;

import java.lang.reflect.Field;
import java.util.Map;
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
 */
final class PromptQueue extends LinkedBlockingDeque<Job> {

    private static final long serialVersionUID = 1L;
    private static final Field QUEUES = Internals.field(Model.class, "jobsDb");

    private final LinkedBlockingDeque<Job> stock;

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
        // For the first request of a batch TorchServe waits for as long as there is.
        Job job = poll();
        while (timeout == Long.MAX_VALUE && (job == null || !job.isOpen())) {
            job = stock.poll(timeout, unit);
        }
        return job;
    }

    /** The next request whose client is still there; nobody would read the others' answers. */
    @Override
    public Job poll() {
        Job job = stock.poll();
        while (job != null && !job.isOpen()) {
            job = stock.poll();
        }
        return job;
    }

    @Override
    public boolean offer(Job job) {
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
