// SPDX-License-Identifier: AGPL-3.0-or-later
package roomdet.endpoints;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.pytorch.serve.servingsdk.Context;
import org.pytorch.serve.servingsdk.annotations.Endpoint;
import org.pytorch.serve.servingsdk.annotations.helpers.EndpointTypes;
import org.pytorch.serve.servingsdk.http.Request;
import org.pytorch.serve.servingsdk.http.Response;
import org.pytorch.serve.wlm.Model;
import org.pytorch.serve.wlm.ModelManager;
import org.pytorch.serve.wlm.ModelVersionedRefs;

/**
 * {@code GET /versions} of the management API: each version of each model, whether it could answer,
 * and what it has not answered yet. A rollout waits for the one before it sends requests to a
 * version, and for the other before it unregisters one.
 */
@Endpoint(
        urlPattern = "versions",
        endpointType = EndpointTypes.MANAGEMENT,
        description = "Health and requests in flight of each version")
public final class Versions extends GetOnly {

    @Override
    public void doGet(Request request, Response response, Context context) throws IOException {
        JsonArray body = new JsonArray();
        for (Map.Entry<String, ModelVersionedRefs> entry :
                ModelManager.getInstance().getAllModels()) {
            ModelVersionedRefs refs = entry.getValue();
            for (Map.Entry<String, Model> version : refs.getAllVersions()) {
                Model model = version.getValue();
                Health health = Health.ofVersion(entry.getKey(), model);
                JsonObject told = new JsonObject();
                told.addProperty("model", entry.getKey());
                told.addProperty("version", version.getKey());
                told.addProperty("is_default", version.getKey().equals(refs.getDefaultVersion()));
                told.addProperty("archive", model.getModelUrl());
                told.addProperty("status", health.status.text);
                told.addProperty("reason", health.reason);
                told.addProperty("in_flight", InFlight.ofVersion(model));
                body.add(told);
            }
        }
        response.setContentType("application/json");
        response.getOutputStream().write((body + "\n").getBytes(StandardCharsets.UTF_8));
    }
}
