// SPDX-License-Identifier: AGPL-3.0-or-later
package roomdet.endpoints;

import io.prometheus.client.Collector;
import io.prometheus.client.CollectorRegistry;
import io.prometheus.client.GaugeMetricFamily;
import io.prometheus.client.exporter.common.TextFormat;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import org.pytorch.serve.servingsdk.Context;
import org.pytorch.serve.servingsdk.annotations.Endpoint;
import org.pytorch.serve.servingsdk.annotations.helpers.EndpointTypes;
import org.pytorch.serve.servingsdk.http.Request;
import org.pytorch.serve.servingsdk.http.Response;

/**
 * {@code GET /metrics}: Prometheus text, on the inference port, where SageMaker looks for it.
 *
 * <p>It is the registry of TorchServe's own metrics address, and the gauges below are in both.
 */
@Endpoint(
        urlPattern = "metrics",
        endpointType = EndpointTypes.INFERENCE,
        description = "Prometheus metrics")
public final class Metrics extends GetOnly {

    static {
        new Gauges().register();
    }

    @Override
    public void doGet(Request request, Response response, Context context) throws IOException {
        List<String> names = request.getParameterMap().getOrDefault("name[]", List.of());
        response.setContentType(TextFormat.CONTENT_TYPE_004);
        try (Writer writer =
                new OutputStreamWriter(response.getOutputStream(), StandardCharsets.UTF_8)) {
            TextFormat.write004(
                    writer,
                    CollectorRegistry.defaultRegistry.filteredMetricFamilySamples(
                            new HashSet<>(names)));
        }
    }

    /** What is read at the moment of a scrape. */
    private static final class Gauges extends Collector implements Collector.Describable {

        @Override
        public List<MetricFamilySamples> collect() {
            return gauges(
                    Health.now().status == Health.Status.HEALTHY ? 1 : 0,
                    InFlight.count(),
                    WorkerEvents.coldStartSeconds());
        }

        /** The names alone: the server does not exist yet when they are registered. */
        @Override
        public List<MetricFamilySamples> describe() {
            return gauges(0, 0, 0);
        }

        private static List<MetricFamilySamples> gauges(
                double ready, double inFlight, double coldStartSeconds) {
            return List.of(
                    new GaugeMetricFamily(
                            "roomdet_ready", "1 while /ping answers 200", ready),
                    new GaugeMetricFamily(
                            "roomdet_in_flight", "Requests accepted, not yet answered", inFlight),
                    new GaugeMetricFamily(
                            "roomdet_cold_start_seconds",
                            "From the start of the server's process to its first ready worker",
                            coldStartSeconds));
        }
    }
}
