// SPDX-License-Identifier: AGPL-3.0-or-later
package roomdet.endpoints;

import java.lang.reflect.Field;

/** Fields of TorchServe 0.12.0 that have no getter. */
final class Internals {

    private Internals() {}

    /** Open a field; another TorchServe that lacks it fails here, once and loudly. */
    static Field field(Class<?> owner, String name) {
        try {
            Field field = owner.getDeclaredField(name);
            field.setAccessible(true);
            return field;
        } catch (NoSuchFieldException e) {
            throw new IllegalStateException("this is not TorchServe 0.12.0", e);
        }
    }

    /** What a field of an object holds now. */
    static Object read(Field field, Object owner) {
        try {
            return field.get(owner);
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Let a field of an object hold another value, also a field that is final. */
    static void write(Field field, Object owner, Object value) {
        try {
            field.set(owner, value);
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(e);
        }
    }
}
