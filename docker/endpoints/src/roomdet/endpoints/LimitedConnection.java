// SPDX-License-Identifier: AGPL-3.0-or-later
package roomdet.endpoints;

import com.google.gson.JsonObject;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * One connection, between Netty's codec and what puts the pieces of a body together.
 *
 * <p>It knows what the connection waits for and since when; {@link ConnectionLimits} says how long
 * it may. It also
 *
 * <ul>
 *   <li>holds a request back that comes before the one before it is answered: TorchServe answers in
 *       the order in which it is ready, so that a caller would take another request's answer for
 *       its own;
 *   <li>copies small pieces of a body together: each would hold a whole buffer of 4 kB until the
 *       body is complete.
 * </ul>
 */
final class LimitedConnection extends ChannelDuplexHandler {

    private static final int SMALL_PIECE = 2048;
    private static final int LARGE_PIECE = 4096; // as TorchServe reads
    /** For a caller that was refused for want of room: work on a plan takes less. */
    private static final int RETRY_AFTER_S = 1;

    private final ConnectionLimits limits;
    private final Deque<Object> held = new ArrayDeque<>();

    private ChannelHandlerContext context;
    /** Part of a request's headers has arrived. */
    private boolean isAsking;
    /** The headers of a request have arrived and its end has not. */
    private boolean isReceiving;
    /** A request has begun, and the end of its answer has not been handed to the system. */
    private boolean isOwed;
    /** The caller wants no further answer; TorchServe does not look at this for plugins. */
    private boolean isLast;

    private boolean isEnded;
    private boolean isDraining;
    private ByteBuf pieces;

    // Read by the thread that looks at all connections.
    private volatile ConnectionLimits.Phase phase = ConnectionLimits.Phase.HEADERS;
    private volatile long sinceNs = System.nanoTime();
    private volatile long bytes;
    private final AtomicBoolean isChosen = new AtomicBoolean();

    LimitedConnection(ConnectionLimits limits) {
        this.limits = limits;
    }

    ConnectionLimits.Phase phase() {
        return phase;
    }

    /** How long it has waited; 0 while the server is at work for it, or if it will be ended. */
    long waitedNs() {
        boolean isWaiting = !isChosen.get() && phase != ConnectionLimits.Phase.WORK;
        return isWaiting ? Math.max(1, System.nanoTime() - sinceNs) : 0;
    }

    /** What its unfinished body has cost: bytes times the time that they have been arriving in. */
    double cost() {
        return (double) bytes * (System.nanoTime() - sinceNs);
    }

    /** End it, from any thread, unless it has gone on to something else before it hears of it. */
    void end(ConnectionLimits.Reason reason) {
        ConnectionLimits.Phase seen = phase;
        long seenNs = sinceNs;
        if (!isChosen.compareAndSet(false, true)) {
            return; // it is on its way
        }
        context.channel()
                .eventLoop()
                .execute(
                        () -> {
                            if (seen == phase && seenNs == sinceNs) {
                                endNow(reason);
                            } else {
                                isChosen.set(false);
                            }
                        });
    }

    private void endNow(ConnectionLimits.Reason reason) {
        boolean hearsWhy = reason.status != 0 && (isReceiving ? isOwed : isAsking);
        isEnded = true;
        limits.ended(reason);
        if (hearsWhy) {
            context.writeAndFlush(refusal(reason)).addListener(ChannelFutureListener.CLOSE);
        } else {
            context.close();
        }
    }

    /** In the form of TorchServe's own errors. */
    private FullHttpResponse refusal(ConnectionLimits.Reason reason) {
        HttpResponseStatus status = HttpResponseStatus.valueOf(reason.status);
        JsonObject body = new JsonObject();
        body.addProperty("code", reason.status);
        body.addProperty("type", reason.type);
        body.addProperty("message", limits.message(reason));
        ByteBuf content = Unpooled.copiedBuffer(body + "\n", StandardCharsets.UTF_8);
        FullHttpResponse response =
                new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status, content);
        response.headers()
                .set(HttpHeaderNames.CONTENT_TYPE, HttpHeaderValues.APPLICATION_JSON)
                .set(HttpHeaderNames.CONTENT_LENGTH, content.readableBytes())
                .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
        addRetryAfter(response);
        return response;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext added) {
        context = added;
        limits.opened(this);
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext removed) {
        limits.closed(this);
        forgetBody();
        held.forEach(ReferenceCountUtil::release);
        held.clear();
    }

    @Override
    public void channelRead(ChannelHandlerContext ignored, Object message) {
        if (isEnded) {
            ReferenceCountUtil.release(message);
        } else if (held.isEmpty() && !isBusy()) {
            take(message);
        } else {
            held.add(message);
            context.channel().config().setAutoRead(false);
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ignored) {
        // Bytes have come, and the codec has made nothing of them yet.
        if (!isReceiving && !isOwed && !isAsking) {
            isAsking = true;
            if (phase == ConnectionLimits.Phase.NEXT_REQUEST) {
                waitFor(ConnectionLimits.Phase.HEADERS);
            }
        }
        context.fireChannelReadComplete();
    }

    /** A request has been received, and its answer has not been sent. */
    private boolean isBusy() {
        return isOwed && !isReceiving;
    }

    private void take(Object message) {
        if (message instanceof HttpRequest) {
            isReceiving = true;
            isOwed = true;
            isAsking = false;
            HttpRequest request = (HttpRequest) message;
            // Where chunks end is what a proxy may see otherwise than this Netty does; what follows
            // must not be taken for a request (SECURITY.md).
            isLast =
                    !HttpUtil.isKeepAlive(request)
                            || HttpUtil.isTransferEncodingChunked(request);
            waitFor(ConnectionLimits.Phase.BODY);
        }
        if (message instanceof LastHttpContent) {
            passPieces();
            forgetBody();
            isReceiving = false;
            if (isOwed) {
                waitFor(ConnectionLimits.Phase.WORK);
            } else {
                waitFor(ConnectionLimits.Phase.NEXT_REQUEST);
            }
        } else if (message instanceof HttpContent && putTogether((HttpContent) message)) {
            return;
        }
        context.fireChannelRead(message);
    }

    private void waitFor(ConnectionLimits.Phase next) {
        sinceNs = System.nanoTime();
        phase = next;
    }

    /** Whether it was a small piece, which is kept here for now. */
    private boolean putTogether(HttpContent piece) {
        ByteBuf content = piece.content();
        int size = content.readableBytes();
        bytes += size;
        limits.received(size);
        boolean isSmall = size < SMALL_PIECE;
        if (!isSmall || pieces != null && pieces.readableBytes() + size > LARGE_PIECE) {
            passPieces();
        }
        if (isSmall) {
            if (pieces == null) {
                pieces = context.alloc().buffer();
            }
            pieces.writeBytes(content);
            piece.release();
        }
        return isSmall;
    }

    private void passPieces() {
        if (pieces != null) {
            ByteBuf together = pieces;
            pieces = null;
            context.fireChannelRead(new DefaultHttpContent(together));
        }
    }

    private void forgetBody() {
        limits.received(-bytes);
        bytes = 0;
        if (pieces != null) {
            pieces.release();
            pieces = null;
        }
    }

    @Override
    public void write(ChannelHandlerContext ignored, Object message, ChannelPromise promise) {
        boolean isInterim = false;
        if (message instanceof HttpResponse) {
            HttpResponse response = (HttpResponse) message;
            isInterim = response.status().codeClass() == HttpStatusClass.INFORMATIONAL;
            addRetryAfter(response);
            if (isLast && !isInterim) {
                response.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
            }
            if (!isInterim && !isReceiving) {
                waitFor(ConnectionLimits.Phase.ANSWER);
            }
        }
        ChannelPromise written = promise;
        if (message instanceof LastHttpContent && !isInterim) {
            written = promise.unvoid();
            written.addListener(future -> answered());
        }
        context.write(message, written);
    }

    private static void addRetryAfter(HttpResponse response) {
        if (HttpResponseStatus.SERVICE_UNAVAILABLE.equals(response.status())) {
            response.headers().set(HttpHeaderNames.RETRY_AFTER, RETRY_AFTER_S);
        }
    }

    private void answered() {
        isOwed = false;
        if (isLast) {
            isEnded = true;
            context.close();
            return;
        }
        if (isReceiving) {
            return; // it was refused before its end, which still comes
        }
        waitFor(ConnectionLimits.Phase.NEXT_REQUEST);
        if (isDraining || held.isEmpty()) {
            return;
        }
        isDraining = true;
        while (!held.isEmpty() && !isBusy()) {
            take(held.poll());
        }
        isDraining = false;
        if (held.isEmpty()) {
            context.channel().config().setAutoRead(true);
        }
    }
}
