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
import org.pytorch.serve.util.ConfigManager;
import org.pytorch.serve.wlm.Model;
import org.pytorch.serve.wlm.ModelManager;

/** {@code GET /execution-parameters}: what a SageMaker batch transform job may send at once. */
@Endpoint(
        urlPattern = "execution-parameters",
        endpointType = EndpointTypes.INFERENCE,
        description = "Parameters of SageMaker batch transform")
public final class ExecutionParameters extends GetOnly {

    /** MaxConcurrentTransforms times MaxPayloadInMB, and each alone (CreateTransformJob). */
    private static final int MOST_MB_AT_ONCE = 100;

    private static final int BYTES_PER_MB = 1 << 20;

    @Override
    public void doGet(Request request, Response response, Context context) throws IOException {
        int bytes = ConfigManager.getInstance().getMaxRequestSize();
        int payloadMb = atLeastOne(Math.min(bytes / BYTES_PER_MB, MOST_MB_AT_ONCE));
        int atOnce = 0;
        for (Model model : ModelManager.getInstance().getDefaultModels().values()) {
            // Beside what each worker has, as many wait, so that its next batch is full.
            atOnce += 2 * model.getMaxWorkers() * model.getBatchSize();
        }
        JsonObject body = new JsonObject();
        body.addProperty(
                "MaxConcurrentTransforms",
                atLeastOne(Math.min(atOnce, MOST_MB_AT_ONCE / payloadMb)));
        body.addProperty("BatchStrategy", "SINGLE_RECORD");
        body.addProperty("MaxPayloadInMB", payloadMb);
        response.setContentType("application/json");
        response.getOutputStream().write((body + "\n").getBytes(StandardCharsets.UTF_8));
    }

    private static int atLeastOne(int number) {
        return Math.max(1, number);
    }
}
