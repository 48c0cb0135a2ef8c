// SPDX-License-Identifier: AGPL-3.0-or-later
package roomdet.endpoints;

/**
 * TorchServe for a container: every line that it prints has the log's form.
 *
 * <p>It takes the arguments of {@link Server}. Its log must be docker/log4j2.xml.
 */
public final class Main {

    private Main() {}

    public static void main(String[] args) {
        StandardOutput.redirect();
        Server.main(args);
    }
}
