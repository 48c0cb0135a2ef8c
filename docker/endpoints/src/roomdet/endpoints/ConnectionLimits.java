// SPDX-License-Identifier: AGPL-3.0-or-later
package roomdet.endpoints;

import com.sun.management.UnixOperatingSystemMXBean;
import io.netty.channel.EventLoop;
import io.netty.util.internal.PlatformDependent;
import io.prometheus.client.Counter;
import io.prometheus.client.Gauge;
import java.lang.management.ManagementFactory;
import java.lang.management.OperatingSystemMXBean;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.ToDoubleFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the connections of one address may take of this server, and the end of those that take more.
 *
 * <p>Netty as TorchServe sets it up waits for ever. Here connections are looked at twice a second,
 * so that a request pays for no timer. Where there are too many of them, or where bodies that still
 * arrive hold too much memory, the one goes that has cost most: an ordinary request is complete in
 * moments and so is never that one (docs/decisions/0058-slow-clients.md).
 */
final class ConnectionLimits {

    /** What a connection waits for. */
    enum Phase {
        HEADERS,
        BODY,
        WORK,
        ANSWER,
        NEXT_REQUEST
    }

    /** Why a connection was ended, as the metric has it. */
    enum Reason {
        HEADERS_LATE(408, "RequestTimeoutException"),
        BODY_LATE(408, "RequestTimeoutException"),
        ANSWER_UNREAD(0, ""),
        IDLE(0, ""),
        TOO_MANY_CONNECTIONS(503, "ServiceUnavailableException"),
        TOO_MANY_BYTES(503, "ServiceUnavailableException");

        /** What a caller is told who has begun a request; 0 where there is none to tell. */
        final int status;

        final String type;

        Reason(int status, String type) {
            this.status = status;
            this.type = type;
        }
    }

    private static final Logger LOGGER = LoggerFactory.getLogger(ConnectionLimits.class);
    private static final Gauge OPEN =
            Gauge.build("roomdet_connections", "Connections that are open").register();
    private static final Gauge UNFINISHED =
            Gauge.build("roomdet_unfinished_bytes", "Bytes of bodies that still arrive").register();
    private static final Counter ENDED =
            Counter.build("roomdet_connections_ended_total", "Connections that a limit ended")
                    .labelNames("reason")
                    .register();

    private static final long LOOK_EVERY_MS = 500;
    private static final int MOST_CONNECTIONS = 2048;
    /** As many descriptors are left for all else, of which the server has 200. */
    private static final int SHARE_OF_DESCRIPTORS = 2;
    /** Memory for receiving is also needed for gaps and for what goes to the worker. */
    private static final int SHARE_OF_MEMORY = 2;

    private final Map<Phase, Integer> seconds = new EnumMap<>(Phase.class);
    private final int mostConnections;
    private final long mostBytes;
    private final Set<LimitedConnection> connections = ConcurrentHashMap.newKeySet();
    private final AtomicInteger count = new AtomicInteger();
    private final AtomicLong bytes = new AtomicLong();
    private final Map<Reason, AtomicInteger> unreported = new EnumMap<>(Reason.class);

    /** Limits from the JVM's properties {@code roomdet.…}, which only tests have a need for. */
    ConnectionLimits() {
        seconds.put(Phase.HEADERS, Integer.getInteger("roomdet.headers_s", 15));
        seconds.put(Phase.BODY, Integer.getInteger("roomdet.body_s", 40));
        seconds.put(Phase.ANSWER, Integer.getInteger("roomdet.answer_s", 40));
        // More than the 60 s after which a load balancer gives a connection up.
        seconds.put(Phase.NEXT_REQUEST, Integer.getInteger("roomdet.idle_s", 75));
        mostConnections = Integer.getInteger("roomdet.connections", usualConnections());
        mostBytes =
                Long.getLong(
                        "roomdet.unfinished_bytes",
                        PlatformDependent.maxDirectMemory() / SHARE_OF_MEMORY);
        for (Reason reason : Reason.values()) {
            unreported.put(reason, new AtomicInteger());
        }
    }

    /** Look at all connections from now on. */
    void watch(EventLoop loop) {
        loop.scheduleWithFixedDelay(
                this::look, LOOK_EVERY_MS, LOOK_EVERY_MS, TimeUnit.MILLISECONDS);
    }

    /** Let a connection in, in the place of another one where there are too many. */
    void opened(LimitedConnection connection) {
        connections.add(connection);
        OPEN.inc();
        if (count.incrementAndGet() > mostConnections) {
            endCostliest(Reason.TOO_MANY_CONNECTIONS, LimitedConnection::waitedNs);
        }
    }

    void closed(LimitedConnection connection) {
        connections.remove(connection);
        count.decrementAndGet();
        OPEN.dec();
    }

    /** Count bytes of a body that arrived, or, below 0, that are no longer waited with. */
    void received(long difference) {
        UNFINISHED.inc(difference);
        if (bytes.addAndGet(difference) > mostBytes && difference > 0) {
            endCostliest(Reason.TOO_MANY_BYTES, LimitedConnection::cost);
        }
    }

    /** What a caller is told. */
    String message(Reason reason) {
        switch (reason) {
            case HEADERS_LATE:
                return "the request's headers were not complete after "
                        + seconds.get(Phase.HEADERS)
                        + " s";
            case BODY_LATE:
                return "the request's body was not complete "
                        + seconds.get(Phase.BODY)
                        + " s after its headers; send it faster, or a smaller file";
            default:
                return "too many requests arrive at once; try again later";
        }
    }

    void ended(Reason reason) {
        ENDED.labels(reason.name().toLowerCase(Locale.ROOT)).inc();
        unreported.get(reason).incrementAndGet();
    }

    private void endCostliest(Reason reason, ToDoubleFunction<LimitedConnection> cost) {
        LimitedConnection costliest = null;
        double most = 0;
        for (LimitedConnection connection : connections) {
            double its = cost.applyAsDouble(connection);
            if (its > most) {
                costliest = connection;
                most = its;
            }
        }
        if (costliest != null) {
            costliest.end(reason);
        }
    }

    private void look() {
        try {
            for (LimitedConnection connection : connections) {
                Phase phase = connection.phase();
                Integer limit = seconds.get(phase);
                if (limit != null && connection.waitedNs() > TimeUnit.SECONDS.toNanos(limit)) {
                    connection.end(overdue(phase));
                }
            }
            for (int excess = count.get() - mostConnections; excess > 0; excess--) {
                endCostliest(Reason.TOO_MANY_CONNECTIONS, LimitedConnection::waitedNs);
            }
            unreported.forEach(ConnectionLimits::report);
        } catch (RuntimeException e) {
            LOGGER.error("connections could not be looked at", e); // and will be again
        }
    }

    private static Reason overdue(Phase phase) {
        switch (phase) {
            case HEADERS:
                return Reason.HEADERS_LATE;
            case BODY:
                return Reason.BODY_LATE;
            case ANSWER:
                return Reason.ANSWER_UNREAD;
            default:
                return Reason.IDLE;
        }
    }

    /** One line for all of a kind: an attack must not fill the log. */
    private static void report(Reason reason, AtomicInteger number) {
        int ended = number.getAndSet(0);
        if (ended > 0 && reason != Reason.IDLE) {
            LOGGER.warn("connections ended: {} ({})", ended, reason);
        }
    }

    private static int usualConnections() {
        OperatingSystemMXBean system = ManagementFactory.getOperatingSystemMXBean();
        if (system instanceof UnixOperatingSystemMXBean) {
            long descriptors = ((UnixOperatingSystemMXBean) system).getMaxFileDescriptorCount();
            return (int) Math.min(MOST_CONNECTIONS, descriptors / SHARE_OF_DESCRIPTORS);
        }
        return MOST_CONNECTIONS;
    }
}
