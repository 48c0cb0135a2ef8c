// SPDX-License-Identifier: AGPL-3.0-or-later
package roomdet.endpoints;

import java.io.File;
import java.lang.reflect.Field;
import java.util.List;
import java.util.Map;
import org.pytorch.serve.wlm.Model;
import org.pytorch.serve.wlm.ModelManager;
import org.pytorch.serve.wlm.WorkerState;
import org.pytorch.serve.wlm.WorkerThread;

/** What this server could do with a request that came now. */
final class Health {

    /** What {@code /ping} answers; of several models the last of these is answered. */
    enum Status {
        HEALTHY("Healthy", 200),
        LOADING("Loading", 503),
        UNHEALTHY("Unhealthy", 503),
        STOPPING("Stopping", 503);

        final String text;
        final int httpStatus;

        Status(String text, int httpStatus) {
            this.text = text;
            this.httpStatus = httpStatus;
        }
    }

    /** A stop is under way while the file that this variable names exists; PID 1 makes it. */
    private static final String STOP_FILE_VARIABLE = "ROOMDET_STOP_FILE";

    /** How often TorchServe had to start a worker again since it last was ready. */
    private static final Field RESTARTS = Internals.field(WorkerThread.class, "backoffIdx");

    /** A worker that ends once may have been killed; one that ends again will end once more. */
    private static final int TOLERATED_RESTARTS = 1;

    final Status status;
    final String reason;

    private Health(Status status, String reason) {
        this.status = status;
        this.reason = reason;
    }

    static Health now() {
        if (isStopping()) {
            return new Health(Status.STOPPING, "a stop is under way; requests are still answered");
        }
        ModelManager manager = ModelManager.getInstance();
        Map<String, Model> models = manager.getDefaultModels();
        String missing = StartUpModels.missing(models);
        if (missing != null) {
            return new Health(Status.UNHEALTHY, missing + " was not registered; the log says why");
        }
        if (models.isEmpty()) {
            return new Health(Status.UNHEALTHY, "no model is registered");
        }
        Health worst = new Health(Status.HEALTHY, "");
        for (Map.Entry<String, Model> entry : models.entrySet()) {
            Health health = ofVersion(entry.getKey(), entry.getValue());
            if (health.status.compareTo(worst.status) > 0) {
                worst = health;
            }
        }
        return worst;
    }

    static boolean isStopping() {
        String path = System.getenv(STOP_FILE_VARIABLE);
        return path != null && !path.isEmpty() && new File(path).exists();
    }

    /** Whether one version of a model could answer. */
    static Health ofVersion(String name, Model model) {
        List<WorkerThread> workers =
                ModelManager.getInstance().getWorkers(model.getModelVersionName());
        int restarts = 0;
        boolean ended = false;
        long since = 0;
        for (WorkerThread worker : workers) {
            if (worker.getState() == WorkerState.WORKER_MODEL_LOADED) {
                return new Health(Status.HEALTHY, "");
            }
            since = Math.max(since, worker.getStartTime());
            restarts = Math.max(restarts, (Integer) Internals.read(RESTARTS, worker));
            // TorchServe tells the end of a worker first and counts it some lines later.
            ended |= restarts > 0 || worker.getState() == WorkerState.WORKER_STOPPED;
        }
        String refusal = WorkerEvents.refusal(name, model.getVersion(), since);
        if (refusal != null) {
            return new Health(Status.UNHEALTHY, name + ": " + refusal);
        }
        if (workers.isEmpty()) {
            return new Health(Status.UNHEALTHY, name + ": there is no worker");
        }
        if (restarts > TOLERATED_RESTARTS) {
            return new Health(
                    Status.UNHEALTHY,
                    name + ": the worker ended " + restarts + " times; the log says why");
        }
        String loader = ended ? "the worker ended, another one" : "a worker";
        return new Health(Status.LOADING, name + ": " + loader + " loads the model");
    }
}
