// SPDX-License-Identifier: AGPL-3.0-or-later
package roomdet.endpoints;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.LoggerContext;
import org.apache.logging.log4j.core.appender.AbstractAppender;
import org.apache.logging.log4j.core.config.Property;
import org.pytorch.serve.util.ConfigManager;

/**
 * What workers say of themselves: lines of their output with {@code "event":"ready"} or {@code
 * "event":"refused"} (handler/roomdet/logs.py).
 */
final class WorkerEvents extends AbstractAppender {

    private static final Map<String, Refusal> REFUSALS = new ConcurrentHashMap<>();
    private static final Instant PROCESS_START =
            ProcessHandle.current().info().startInstant().orElseGet(Instant::now);
    private static volatile double coldStartSeconds = Double.NaN;

    private WorkerEvents() {
        super("roomdet-worker-events", null, null, true, Property.EMPTY_ARRAY);
    }

    /** Listen to the workers' output from now on. */
    static void listen() {
        WorkerEvents appender = new WorkerEvents();
        appender.start();
        LoggerContext context = LoggerContext.getContext(false);
        context.getConfiguration()
                .getLoggerConfig(ConfigManager.MODEL_LOGGER)
                .addAppender(appender, Level.INFO, null);
    }

    /**
     * Why the last worker of a version refused to start; null once one is ready.
     *
     * @param since milliseconds since 1970; what was said before is about another archive that was
     *     registered under this version
     */
    static String refusal(String model, String version, long since) {
        Refusal refusal = REFUSALS.get(key(model, version));
        return refusal == null || refusal.time < since ? null : refusal.reason;
    }

    private static String key(String model, String version) {
        return model + " " + version;
    }

    /** Seconds from the start of this process to the first worker that was ready; NaN before. */
    static double coldStartSeconds() {
        return coldStartSeconds;
    }

    @Override
    public void append(LogEvent event) {
        String line = event.getMessage().getFormattedMessage();
        boolean isReady = line.contains("\"event\":\"ready\"");
        boolean isRefusal = line.contains("\"event\":\"refused\"");
        if (!(isReady || isRefusal) || !ConfigManager.MODEL_LOGGER.equals(event.getLoggerName())) {
            return;
        }
        String version;
        String reason;
        try {
            JsonObject said = JsonParser.parseString(line).getAsJsonObject();
            version =
                    key(said.get("model").getAsString(), said.get("model_version").getAsString());
            reason = isRefusal ? said.get("reason").getAsString() : "";
        } catch (JsonParseException | IllegalStateException | NullPointerException e) {
            return; // a line that only looks like one of ours
        }
        if (isReady) {
            becomeReady(version);
        } else {
            REFUSALS.put(version, new Refusal(event.getTimeMillis(), reason));
        }
    }

    private static void becomeReady(String version) {
        REFUSALS.remove(version);
        QueueTime.observe();
        PromptQueue.use();
        StartUpNames.keep();
        if (Double.isNaN(coldStartSeconds)) {
            coldStartSeconds = Duration.between(PROCESS_START, Instant.now()).toMillis() / 1000.0;
        }
    }

    private static final class Refusal {
        final long time;
        final String reason;

        Refusal(long time, String reason) {
            this.time = time;
            this.reason = reason;
        }
    }
}
