package io.github.composefs4j.core.dump;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.testkit.Seeds;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

class HexTextTest {
  private final HexText hex = new HexText();
  private final byte[] result = new byte[64];

  @Test
  void takesTheHexDigitsAndNothingElse() {
    for (int position = 0; position < 8; position++) {
      for (int c = 0; c < 256; c++) {
        byte[] text = "12345678".getBytes(StandardCharsets.US_ASCII);
        text[position] = (byte) c;
        boolean valid = hex.decode(text, 0, result, 4);
        assertThat(valid).as("byte %d at %d", c, position).isEqualTo(HexFormat.isHexDigit(c));
        if (valid) {
          byte[] expected = HexFormat.of().parseHex(new String(text, StandardCharsets.US_ASCII));
          assertThat(Arrays.copyOf(result, 4)).isEqualTo(expected);
          assertThat(hex.isLowerCase()).isEqualTo(!(c >= 'A' && c <= 'F'));
        }
      }
    }
  }

  @Test
  void decodesWhatWasEncoded() {
    Seeds.forEach(
        1000,
        random -> {
          int size = random.nextBoolean() ? 32 : 64;
          byte[] bytes = new byte[size];
          random.nextBytes(bytes);
          HexFormat format = random.nextBoolean() ? HexFormat.of() : HexFormat.of().withUpperCase();
          byte[] text = ("..." + format.formatHex(bytes)).getBytes(StandardCharsets.US_ASCII);
          assertThat(hex.decode(text, 3, result, size)).isTrue();
          assertThat(Arrays.copyOf(result, size)).isEqualTo(bytes);
        });
  }
}
