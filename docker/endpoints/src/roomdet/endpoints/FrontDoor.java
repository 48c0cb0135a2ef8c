// SPDX-License-Identifier: AGPL-3.0-or-later
package roomdet.endpoints;

import com.google.gson.JsonObject;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.QueryStringDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import org.pytorch.serve.servingsdk.impl.PluginsManager;
import org.pytorch.serve.util.ConnectorType;

/**
 * What a request passes before TorchServe looks at it, for what TorchServe answers with 500 though
 * the caller can be answered.
 *
 * <p>Of the addresses of endpoint plugins it knows GET, POST, PUT and DELETE only: HEAD is asked as
 * GET, the codec sends the answer without its body; anything else is asked as POST, which is 405.
 *
 * <p>It takes forms apart itself, by fewer rules than callers use, and throws at the others. The
 * model gets the body as it came, and the form's content type in a header of its own.
 */
@Sharable
final class FrontDoor extends ChannelDuplexHandler {

    /** The content type that the caller gave, where it is one of a form; see request.py. */
    private static final String FORM_TYPE = "X-Roomdet-Content-Type";

    /** The type of TorchServe's answer where its queue is full. */
    private static final String NO_ROOM = "ServiceUnavailableException";

    private static final Set<HttpMethod> KNOWN =
            Set.of(HttpMethod.GET, HttpMethod.POST, HttpMethod.PUT, HttpMethod.DELETE);
    private static final Set<String> INFERENCE = Set.of("invocations", "predictions");

    private final Set<String> plugins = new HashSet<>();
    private final boolean isInference;

    FrontDoor(ConnectorType type) {
        isInference = type != ConnectorType.MANAGEMENT_CONNECTOR;
        if (isInference) {
            plugins.addAll(PluginsManager.getInstance().getInferenceEndpoints().keySet());
        }
        if (type == ConnectorType.MANAGEMENT_CONNECTOR || type == ConnectorType.ALL) {
            plugins.addAll(PluginsManager.getInstance().getManagementEndpoints().keySet());
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (message instanceof FullHttpRequest) {
            FullHttpRequest request = (FullHttpRequest) message;
            String name = firstSegment(request.uri());
            if (plugins.contains(name)) {
                choosePluginMethod(request);
            } else if (isInference && INFERENCE.contains(name)) {
                keepFormWhole(request.headers());
            }
        }
        context.fireChannelRead(message);
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
        if (isInference && message instanceof FullHttpResponse) {
            sayWhatIsFull((FullHttpResponse) message);
        }
        context.write(message, promise);
    }

    /** TorchServe tells a caller to scale its workers, which is none of the caller's business. */
    private static void sayWhatIsFull(FullHttpResponse response) {
        if (!HttpResponseStatus.SERVICE_UNAVAILABLE.equals(response.status())
                || !response.content().toString(StandardCharsets.UTF_8).contains(NO_ROOM)) {
            return;
        }
        JsonObject body = new JsonObject();
        body.addProperty("code", response.status().code());
        body.addProperty("type", NO_ROOM);
        body.addProperty("message", "as many requests wait as may; try again in a second");
        response.content().clear().writeCharSequence(body + "\n", StandardCharsets.UTF_8);
        HttpUtil.setContentLength(response, response.content().readableBytes());
    }

    /** Empty, too, where the address is none: TorchServe says so. */
    private static String firstSegment(String uri) {
        try {
            String[] segments = new QueryStringDecoder(uri).path().split("/");
            return segments.length > 1 ? segments[1] : "";
        } catch (IllegalArgumentException e) {
            return "";
        }
    }

    private static void choosePluginMethod(FullHttpRequest request) {
        if (HttpMethod.HEAD.equals(request.method())) {
            request.setMethod(HttpMethod.GET);
        } else if (!KNOWN.contains(request.method())) {
            request.setMethod(HttpMethod.POST);
        }
    }

    private static void keepFormWhole(HttpHeaders headers) {
        headers.remove(FORM_TYPE); // is ours alone
        String type = headers.get(HttpHeaderNames.CONTENT_TYPE, "");
        String lower = type.trim().toLowerCase(Locale.ROOT);
        if (lower.startsWith("multipart/")
                || lower.startsWith(
                        HttpHeaderValues.APPLICATION_X_WWW_FORM_URLENCODED.toString())) {
            headers.set(FORM_TYPE, type);
            headers.set(HttpHeaderNames.CONTENT_TYPE, HttpHeaderValues.APPLICATION_OCTET_STREAM);
        }
    }
}
