package io.github.composefs4j.linux;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.spi.Platform;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The door to native code can be shut: then the portable platform does the work. */
class NativeAccessTest {
  /** Run by a JVM of its own. */
  static final class Child {
    private Child() {}

    public static void main(String[] args) throws Exception {
      Platform platform = Platform.best();
      platform.openDirectory(Path.of("/"), true).close();
      System.out.print(platform.name());
    }
  }

  @Test
  void isFoundAsAService() {
    assertThat(Platform.best()).isInstanceOf(LinuxPlatform.class);
  }

  @ParameterizedTest
  @CsvSource({
    "--enable-native-access=ALL-UNNAMED, deny, linux",
    "--enable-native-access=java.base, deny, portable",
    "--enable-native-access=java.base, warn, portable",
  })
  void nothingNativeIsTouchedWithoutPermission(String enable, String illegal, String platform)
      throws Exception {
    Process child =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                enable,
                "--illegal-native-access=" + illegal,
                "-cp",
                System.getProperty("java.class.path"),
                Child.class.getName())
            .redirectErrorStream(true)
            .start();
    String output = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(output).isEqualTo(platform);
    assertThat(child.waitFor()).isZero();
  }
}
