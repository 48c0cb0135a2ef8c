// SPDX-License-Identifier: AGPL-3.0-or-later
package roomdet.endpoints;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.pytorch.serve.servingsdk.Context;
import org.pytorch.serve.servingsdk.annotations.Endpoint;
import org.pytorch.serve.servingsdk.annotations.helpers.EndpointTypes;
import org.pytorch.serve.servingsdk.http.Request;
import org.pytorch.serve.servingsdk.http.Response;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** {@code GET /ping}: 200 while every model can answer, else 503; the body says why. */
@Endpoint(
        urlPattern = "ping",
        endpointType = EndpointTypes.INFERENCE,
        description = "Whether every model has a running worker and no stop is under way")
public final class Ping extends GetOnly {

    private static final Logger LOGGER = LoggerFactory.getLogger(Ping.class);
    private static String lastStatus = "";

    static {
        // TorchServe makes its plugins before it starts a worker, so nothing is missed.
        WorkerEvents.listen();
    }

    @Override
    public void doGet(Request request, Response response, Context context) throws IOException {
        Health health = Health.now();
        if (health.status == Health.Status.HEALTHY) {
            QueueTime.observe(); // before whoever asked sends a plan; the worker's line may be late
        }
        logChange(health);
        JsonObject body = new JsonObject();
        body.addProperty("status", health.status.text);
        body.addProperty("reason", health.reason);
        body.addProperty("in_flight", InFlight.count());
        response.setStatus(health.status.httpStatus);
        response.setContentType("application/json");
        response.getOutputStream().write((body + "\n").getBytes(StandardCharsets.UTF_8));
    }

    /** Write a change of health into the log: who asks every second need not be logged for it. */
    private static synchronized void logChange(Health health) {
        if (!health.status.text.equals(lastStatus)) {
            lastStatus = health.status.text;
            String reason = health.reason.isEmpty() ? "" : ": " + health.reason;
            LOGGER.info("/ping says {}{}", lastStatus, reason);
        }
    }
}
