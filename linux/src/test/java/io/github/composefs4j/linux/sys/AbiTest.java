package io.github.composefs4j.linux.sys;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/**
 * Compares numbers and texts with those of the kernel's headers and the C library. The numbers of
 * the machine that this is not running on can be read only in the source.
 */
class AbiTest {
  private static final Path SOURCE =
      Path.of("src/main/java/io/github/composefs4j/linux/sys/Abi.java");

  /** The table that aarch64 uses. */
  private static final Path GENERIC = Path.of("/usr/include/asm-generic/unistd.h");

  private static final Path X86_64 = Path.of("/usr/include/x86_64-linux-gnu/asm/unistd_64.h");

  private static final Pattern CONSTANT =
      Pattern.compile(
          "static final int (\\w+) = (?:of\\((\\w+), (\\w+)\\)|(\\w+))( \\| O_DIRECTORY)?;");

  /** {@return the constants as pairs of the x86_64 and the aarch64 value} */
  private static Map<String, int[]> constants() throws IOException {
    Map<String, int[]> constants = new HashMap<>();
    Matcher line = CONSTANT.matcher(Files.readString(SOURCE));
    while (line.find()) {
      boolean pair = line.group(4) == null;
      int x86 = Integer.decode(pair ? line.group(2) : line.group(4));
      int arm = Integer.decode(pair ? line.group(3) : line.group(4));
      constants.put(line.group(1), new int[] {x86, arm});
    }
    return constants;
  }

  @Test
  void numbersOfCallsAreThoseOfTheHeadersOnBothMachines() throws Exception {
    Assumptions.assumeTrue(Files.exists(GENERIC) && Files.exists(X86_64), "needs kernel headers");
    Map<String, Integer> generic = numbers(GENERIC);
    Map<String, Integer> x86 = numbers(X86_64);
    int compared = 0;
    for (Map.Entry<String, int[]> constant : constants().entrySet()) {
      String name = constant.getKey().toLowerCase(Locale.ROOT);
      if (x86.containsKey(name)) {
        assertThat(constant.getValue()).as(name).containsExactly(x86.get(name), generic.get(name));
        compared++;
      }
    }
    assertThat(compared).isGreaterThan(25);
  }

  private static Map<String, Integer> numbers(Path header) throws IOException {
    Map<String, Integer> numbers = new HashMap<>();
    Matcher line =
        Pattern.compile("#define __NR(?:3264)?_(\\w+)\\s+(\\d+)").matcher(Files.readString(header));
    while (line.find()) {
      numbers.put(line.group(1), Integer.parseInt(line.group(2)));
    }
    return numbers;
  }

  /** fuse-and-mount.md 3.2: the other machine's bit means something else and is not refused. */
  @Test
  void openFlagsDifferBetweenTheMachines() throws Exception {
    Map<String, int[]> constants = constants();
    assertThat(constants.get("O_DIRECTORY")).containsExactly(0x10000, 0x4000);
    assertThat(constants.get("O_NOFOLLOW")).containsExactly(0x20000, 0x8000);
    assertThat(constants.get("O_CLOEXEC")).containsExactly(0x80000, 0x80000);
    assertThat(constants.get("O_PATH")).containsExactly(0x200000, 0x200000);
    assertThat(Abi.O_TMPFILE).isEqualTo(0x400000 | Abi.O_DIRECTORY);
  }

  @Test
  void textsOfErrorsAreThoseOfTheCLibrary() throws Throwable {
    Linker linker = Linker.nativeLinker();
    MethodHandle strerror =
        linker.downcallHandle(
            linker.defaultLookup().findOrThrow("strerror"),
            FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_INT));
    for (int errno = 1; errno <= 140; errno++) {
      MemorySegment text = (MemorySegment) strerror.invokeExact(errno);
      assertThat(Errno.text(errno)).isEqualTo(text.reinterpret(256).getString(0));
    }
  }
}
