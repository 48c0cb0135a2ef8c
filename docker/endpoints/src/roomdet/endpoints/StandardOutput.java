// SPDX-License-Identifier: AGPL-3.0-or-later
package roomdet.endpoints;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends what is printed past the loggers ("Model server started.") through the log.
 *
 * <p>The log must write to the file descriptor itself, which log4j calls {@code direct="true"}.
 */
final class StandardOutput extends OutputStream {

    private final ByteArrayOutputStream line = new ByteArrayOutputStream();
    private final List<String> waiting = new ArrayList<>();
    private Logger logger;

    private StandardOutput() {}

    static void redirect() {
        StandardOutput output = new StandardOutput();
        System.setOut(new PrintStream(output, true, StandardCharsets.UTF_8));
        // log4j prints while it starts, and cannot log that itself: these lines wait.
        output.log(LoggerFactory.getLogger("STDOUT"));
    }

    @Override
    public synchronized void write(int character) {
        if (character != '\n') {
            line.write(character);
            return;
        }
        waiting.add(line.toString(StandardCharsets.UTF_8));
        line.reset();
        log(logger);
    }

    /** Log the lines that wait, and those that logging itself prints meanwhile. */
    private synchronized void log(Logger target) {
        logger = null;
        while (target != null && !waiting.isEmpty()) {
            target.info(waiting.remove(0));
        }
        logger = target;
    }
}
