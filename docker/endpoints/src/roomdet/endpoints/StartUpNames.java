// SPDX-License-Identifier: AGPL-3.0-or-later
package roomdet.endpoints;

import java.lang.reflect.Field;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;
import org.pytorch.serve.wlm.ModelManager;
import org.pytorch.serve.wlm.ModelVersionedRefs;

/**
 * The names of start-up models, by which {@code /invocations} finds its model, kept for as long as
 * a version of the model is there.
 *
 * <p>TorchServe forgets the name when any one version is unregistered, and from then on answers
 * {@code /invocations} with 400, "Parameter model_name is required". This stands in its set's place
 * and hands on to it what it is told.
 */
final class StartUpNames extends HashSet<String> {

    private static final long serialVersionUID = 1L;
    private static final Field NAMES = Internals.field(ModelManager.class, "startupModels");

    private final HashSet<String> stock;

    private StartUpNames(HashSet<String> stock) {
        this.stock = stock;
    }

    /** Keep the names from now on; once is enough. */
    static synchronized void keep() {
        ModelManager manager = ModelManager.getInstance();
        Set<String> stock = manager.getStartupModels();
        if (!(stock instanceof StartUpNames)) {
            Internals.write(NAMES, manager, new StartUpNames((HashSet<String>) stock));
        }
    }

    private static boolean hasVersion(Object name) {
        for (Map.Entry<String, ModelVersionedRefs> model :
                ModelManager.getInstance().getAllModels()) {
            if (model.getKey().equals(name)) {
                return !model.getValue().getAllVersions().isEmpty();
            }
        }
        return false;
    }

    @Override
    public boolean remove(Object name) {
        return !hasVersion(name) && stock.remove(name);
    }

    @Override
    public boolean add(String name) {
        return stock.add(name);
    }

    @Override
    public boolean contains(Object name) {
        return stock.contains(name);
    }

    @Override
    public Iterator<String> iterator() {
        return stock.iterator();
    }

    @Override
    public int size() {
        return stock.size();
    }

    @Override
    public boolean isEmpty() {
        return stock.isEmpty();
    }
}
