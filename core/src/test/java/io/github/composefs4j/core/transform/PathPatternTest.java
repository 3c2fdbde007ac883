package io.github.composefs4j.core.transform;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PathPatternTest {
  @ParameterizedTest
  @CsvSource(
      delimiterString = " | ",
      quoteCharacter = '`',
      value = {
        "/a.c | /abc | true",
        "/a\\.c | /abc | false",
        "/a\\.c | /a.c | true",
        "/a|/b | /b | true",
        "/a|/b | /ab | false",
        "/ab? | /a | true",
        "/ab{0,2} | /abb | true",
        "/a{,2} | /a{,2} | true",
        "/a{b} | /a{b} | true",
        "/[[:alpha:]]+ | /xyz | true",
        "/[[:alpha:]]+ | /x1z | false",
        "/[^[:digit:]x] | /1 | false",
        "/[]a] | /] | true",
        "/[^]a] | /] | false",
        "/[a&&b] | /& | true",
        "/[[ab] | /[ | true",
        "/[a-c] | /b | true",
        "/[\\-a] | /- | true",
        "/é? | / | true",
        "/é+ | /éé | true",
        "/é | /é | true",
        "/.. | /é | true",
        "/(?!b).* | /abc | true",
        "/(?!b).* | /bbc | false",
        "/(a)\\2 | /aa | true",
        "/a$ | /a | false",
        "^/a | /a | true",
        "/\\d+ | /17 | true"
      })
  void matchesAsPcreDoes(String pattern, String path, boolean expected) throws Exception {
    String bytes =
        new String(path.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1) + "-";
    PathPattern compiled = PathPattern.compile(pattern, null);
    assertThat(compiled.matches(bytes, new PathPattern.Steps(10_000))).isEqualTo(expected);
    if (expected) {
      assertThat(bytes).startsWith(compiled.prefix());
    }
  }
}
