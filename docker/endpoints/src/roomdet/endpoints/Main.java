// SPDX-License-Identifier: AGPL-3.0-or-later
package roomdet.endpoints;

import org.pytorch.serve.ModelServer;

/**
 * TorchServe for a container: every line that it prints has the log's form.
 *
 * <p>It takes the arguments of {@link ModelServer}. Its log must be docker/log4j2.xml.
 */
public final class Main {

    private Main() {}

    public static void main(String[] args) {
        StandardOutput.redirect();
        ModelServer.main(args);
    }
}
