// SPDX-License-Identifier: AGPL-3.0-or-later
package roomdet.endpoints;

import java.io.File;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.pytorch.serve.util.ConfigManager;
import org.pytorch.serve.wlm.Model;

/** The models of {@code load_models}: TorchServe goes on without those that it cannot register. */
final class StartUpModels {

    /** Names of models by the file that they were registered from. */
    private static final Map<String, String> NAMES = new ConcurrentHashMap<>();

    private StartUpModels() {}

    /**
     * The first start-up model that is not registered, as it is configured; null if all are.
     *
     * @param models the registered models by name
     */
    static String missing(Map<String, Model> models) {
        for (Model model : models.values()) {
            if (model.getModelUrl() != null) {
                NAMES.putIfAbsent(model.getModelUrl(), model.getModelName());
            }
        }
        for (String configured : configured()) {
            // NAME=FILE or FILE
            int equals = configured.indexOf('=');
            String name =
                    equals < 0 ? NAMES.get(configured) : configured.substring(0, equals);
            if (name == null || !models.containsKey(name)) {
                return configured;
            }
        }
        return null;
    }

    private static List<String> configured() {
        List<String> found = new ArrayList<>();
        String setting = ConfigManager.getInstance().getLoadModels();
        if (setting == null) {
            return found;
        }
        if (!setting.equalsIgnoreCase("ALL")) {
            for (String model : setting.split(",")) {
                if (!model.isBlank()) {
                    found.add(model.trim());
                }
            }
            return found;
        }
        File[] files = new File(ConfigManager.getInstance().getModelStore()).listFiles();
        for (File file : files == null ? new File[0] : files) {
            if (file.getName().endsWith(".mar")) {
                found.add(file.getName());
            }
        }
        return found;
    }
}
