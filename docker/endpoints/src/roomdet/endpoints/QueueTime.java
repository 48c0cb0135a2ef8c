// SPDX-License-Identifier: AGPL-3.0-or-later
package roomdet.endpoints;

import io.prometheus.client.Histogram;
import java.lang.reflect.Field;
import java.util.List;
import java.util.Map;
import org.pytorch.serve.metrics.IMetric;
import org.pytorch.serve.metrics.MetricBuilder;
import org.pytorch.serve.metrics.MetricCache;

/**
 * How long requests waited for a worker, as a histogram in seconds.
 *
 * <p>TorchServe itself only adds microseconds to a counter. This stands in that counter's place and
 * hands on to it what it is told.
 */
final class QueueTime extends IMetric {

    private static final String STOCK = "ts_queue_latency_microseconds";
    private static final Field FRONTEND = Internals.field(MetricCache.class, "metricsFrontend");
    private static final double MICROSECONDS = 1e6;
    private static final Histogram SECONDS =
            Histogram.build("roomdet_queue_seconds", "Time that a request waited for a worker")
                    .register();

    private final IMetric stock;

    private QueueTime(IMetric stock) {
        super(MetricBuilder.MetricType.COUNTER, STOCK, "Microseconds", List.of());
        this.stock = stock;
    }

    /** See every waiting time from now on; once is enough. */
    static synchronized void observe() {
        @SuppressWarnings("unchecked")
        Map<String, IMetric> metrics =
                (Map<String, IMetric>) Internals.read(FRONTEND, MetricCache.getInstance());
        IMetric stock = metrics.get(STOCK);
        if (!(stock instanceof QueueTime)) {
            metrics.put(STOCK, new QueueTime(stock));
        }
    }

    @Override
    public void addOrUpdate(List<String> dimensions, double microseconds) {
        SECONDS.observe(microseconds / MICROSECONDS);
        if (stock != null) {
            stock.addOrUpdate(dimensions, microseconds);
        }
    }

    @Override
    public void addOrUpdate(List<String> dimensions, String requestId, double microseconds) {
        addOrUpdate(dimensions, microseconds);
    }
}
