// SPDX-License-Identifier: AGPL-3.0-or-later
package roomdet.endpoints;

import java.lang.reflect.Field;
import java.util.Map;
import org.pytorch.serve.wlm.BatchAggregator;
import org.pytorch.serve.wlm.Model;
import org.pytorch.serve.wlm.ModelManager;
import org.pytorch.serve.wlm.ModelVersionedRefs;
import org.pytorch.serve.wlm.WorkerState;
import org.pytorch.serve.wlm.WorkerThread;

/**
 * How many requests TorchServe has accepted and not yet answered.
 *
 * <p>Read from where TorchServe keeps them, never counted up and down, so that no crash and no
 * time limit makes it drift (docs/decisions/0009-health-from-a-plugin.md).
 */
final class InFlight {

    private static final Field AGGREGATOR = Internals.field(WorkerThread.class, "aggregator");
    private static final Field JOBS = Internals.field(BatchAggregator.class, "jobs");
    private static final long SECOND_LOOK_MS = 5;

    private InFlight() {}

    /** Requests of all models that wait in a queue or are held by a worker. */
    static int count() {
        int count = look();
        if (count == 0 && Health.isStopping()) {
            // A request is in neither place for the moment that a worker takes to pick it up.
            try {
                Thread.sleep(SECOND_LOOK_MS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            count = look();
        }
        return count;
    }

    private static int look() {
        ModelManager manager = ModelManager.getInstance();
        int count = 0;
        for (Map.Entry<String, ModelVersionedRefs> versions : manager.getAllModels()) {
            for (Map.Entry<String, Model> version : versions.getValue().getAllVersions()) {
                count += ofVersion(version.getValue());
            }
        }
        return count;
    }

    /** Requests that wait in the queue of one version or are held by its workers. */
    static int ofVersion(Model model) {
        // The queue first: what moves to a worker meanwhile is counted twice, not never.
        int count = model.getPendingRequestsInJobQueue();
        ModelManager manager = ModelManager.getInstance();
        for (WorkerThread worker : manager.getWorkers(model.getModelVersionName())) {
            count += held(worker);
        }
        return count;
    }

    /** Requests that a worker has; one that is not ready has but the order to load. */
    private static int held(WorkerThread worker) {
        if (worker.getState() != WorkerState.WORKER_MODEL_LOADED) {
            return 0;
        }
        Object jobs = Internals.read(JOBS, Internals.read(AGGREGATOR, worker));
        return ((Map<?, ?>) jobs).size();
    }
}
