// SPDX-License-Identifier: AGPL-3.0-or-later
package roomdet.endpoints;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import org.pytorch.serve.job.Job;
import org.pytorch.serve.util.messages.InputParameter;

/**
 * Whether a request may keep a worker for seconds, told from the first bytes of its body.
 *
 * <p>It is a guess, from which nothing follows but the order of work. The number of bytes would be
 * none: sheets of 5,600 px as PNG have 30 to 430 kB, as flats have (docs/decisions/0059-turns.md).
 */
final class PlanSize {

    /** The longer side, from which on a page may be seen in many slices (slices.py). */
    private static final int LARGE_PX = 2560;

    private static final int HEAD_BYTES = 4096;
    /** Of a file in a form or JSON: a JPEG's size may come behind a preview and a profile. */
    private static final int ENCODED_BYTES = 64 * 1024;

    private static final int PNG = 0x89504E47;
    private static final int PDF = 0x25504446;
    private static final int TIFF_INTEL = 0x4949;
    private static final int TIFF_MOTOROLA = 0x4D4D;
    private static final int GZIP = 0x1F8B;
    private static final int JPEG = 0xFFD8;

    private PlanSize() {}

    /** Whether it is a document, a picture that is large, or none that is known to be small. */
    static boolean mayTakeSeconds(Job job) {
        byte[] body = {};
        for (InputParameter parameter : job.getPayload().getParameters()) {
            byte[] value = parameter.getValue();
            if (value != null && value.length > body.length) {
                body = value;
            }
        }
        return ofBody(body);
    }

    private static boolean ofBody(byte[] body) {
        String head =
                new String(
                        body, 0, Math.min(body.length, HEAD_BYTES), StandardCharsets.ISO_8859_1);
        if (head.startsWith("--")) { // a form: the first part that is a file we know
            int part = head.indexOf("\r\n\r\n");
            while (part >= 0) {
                int end = Math.min(body.length, part + ENCODED_BYTES);
                if (ofFile(Arrays.copyOfRange(body, part + 4, Math.max(part + 4, end)))) {
                    return true;
                }
                part = head.indexOf("\r\n\r\n", part + 4);
            }
            return false;
        }
        if (head.stripLeading().startsWith("{")) {
            return head.contains("\"image_url\"") || ofFile(decoded(body, head));
        }
        return ofFile(body);
    }

    /** The beginning of the file that a JSON document holds as base64; empty if none is found. */
    private static byte[] decoded(byte[] body, String head) {
        int key = head.indexOf("\"image\"");
        int start = key < 0 ? -1 : head.indexOf('"', head.indexOf(':', key + 7) + 1) + 1;
        int comma = head.indexOf(";base64,", Math.max(start, 0));
        if (comma >= 0) {
            start = comma + 8;
        }
        if (start <= 0) {
            return new byte[0];
        }
        int length = Math.min(ENCODED_BYTES, body.length - start) / 4 * 4;
        try {
            return Base64.getMimeDecoder()
                    .decode(Arrays.copyOfRange(body, start, start + length));
        } catch (IllegalArgumentException e) {
            return new byte[0]; // the handler says what is wrong with it
        }
    }

    private static boolean ofFile(byte[] file) {
        if (file.length < 32) {
            return false;
        }
        int first = number(file, 0, 2);
        if (first == JPEG) {
            return ofJpeg(file);
        }
        if (number(file, 0, 4) == PNG) {
            return isLarge(number(file, 16, 4), number(file, 20, 4));
        }
        return number(file, 0, 4) == PDF
                || first == TIFF_INTEL
                || first == TIFF_MOTOROLA
                || first == GZIP;
    }

    /** From the first segment that says it (ITU-T T.81, B.2.2). */
    private static boolean ofJpeg(byte[] file) {
        int at = 2;
        while (at + 9 < file.length && number(file, at, 1) == 0xFF) {
            int marker = number(file, at + 1, 1);
            boolean isFrame =
                    marker >= 0xC0
                            && marker <= 0xCF
                            && marker != 0xC4
                            && marker != 0xC8
                            && marker != 0xCC;
            if (isFrame) {
                return isLarge(number(file, at + 5, 2), number(file, at + 7, 2));
            }
            at += marker == 0xFF ? 1 : 2 + number(file, at + 2, 2);
        }
        return false;
    }

    private static boolean isLarge(int onePx, int otherPx) {
        return Math.max(onePx, otherPx) > LARGE_PX;
    }

    private static int number(byte[] bytes, int at, int length) {
        int value = 0;
        for (int i = at; i < at + length; i++) {
            value = value << 8 | bytes[i] & 0xFF;
        }
        return value;
    }
}
