// SPDX-License-Identifier: AGPL-3.0-or-later
package roomdet.endpoints;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.pytorch.serve.servingsdk.Context;
import org.pytorch.serve.servingsdk.ModelServerEndpoint;
import org.pytorch.serve.servingsdk.http.Request;
import org.pytorch.serve.servingsdk.http.Response;

/**
 * An endpoint that is only read: of what it does not implement TorchServe would say 500.
 *
 * <p>HEAD comes as GET, and other methods that TorchServe does not know as POST: {@link FrontDoor}.
 */
abstract class GetOnly extends ModelServerEndpoint {

    private static final int METHOD_NOT_ALLOWED = 405;

    @Override
    public final void doPost(Request request, Response response, Context context)
            throws IOException {
        refuse(response);
    }

    @Override
    public final void doPut(Request request, Response response, Context context)
            throws IOException {
        refuse(response);
    }

    @Override
    public final void doDelete(Request request, Response response, Context context)
            throws IOException {
        refuse(response);
    }

    /** In the form of TorchServe's own errors. */
    private static void refuse(Response response) throws IOException {
        JsonObject body = new JsonObject();
        body.addProperty("code", METHOD_NOT_ALLOWED);
        body.addProperty("type", "MethodNotAllowedException");
        body.addProperty("message", "This address is read with GET or HEAD.");
        response.setStatus(METHOD_NOT_ALLOWED);
        response.setHeader("Allow", "GET, HEAD");
        response.setContentType("application/json");
        response.getOutputStream().write((body + "\n").getBytes(StandardCharsets.UTF_8));
    }
}
