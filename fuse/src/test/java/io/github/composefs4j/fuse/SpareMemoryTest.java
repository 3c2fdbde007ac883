package io.github.composefs4j.fuse;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.verified.FirstReadMemory.Area;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class SpareMemoryTest {
  private static final long MIB = 1 << 20;

  private final SpareMemory memory = new SpareMemory();

  /** Anonymous memory that this process has, in bytes. */
  private static long held() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("RssAnon:")) {
        return Long.parseLong(line.replaceAll("[^0-9]", "")) << 10;
      }
    }
    throw new AssertionError("no RssAnon");
  }

  @Test
  void lendsNoMoreThanItsPartAndAgainWhatCameBack() {
    long most = Math.min(1L << 30, Runtime.getRuntime().maxMemory() / 2);
    List<Area> areas = new ArrayList<>();
    long sum = 0;
    for (Area area; (area = memory.borrow(most / 3)) != null; areas.add(area)) {
      sum += area.bytes().byteSize();
      assertThat(sum).isLessThanOrEqualTo(most);
    }
    assertThat(sum).isPositive();
    areas.forEach(Area::close);
    try (Area again = requireNonNull(memory.borrow(Long.MAX_VALUE))) {
      assertThat(again.bytes().byteSize()).isLessThanOrEqualTo(most);
      assertThat(memory.borrow(8 * MIB)).isNull();
    }
  }

  @Test
  void takesRoomOnlyForWhatIsInUse() throws IOException {
    long before = held();
    try (Area area = requireNonNull(memory.borrow(128 * MIB))) {
      assertThat(held() - before).isLessThan(32 * MIB);
      MemorySegment bytes = area.bytes();
      area.prepare(0, 128 * MIB);
      bytes.fill((byte) 7);
      assertThat(held() - before).isGreaterThan(112 * MIB);
      area.discard(0, 64 * MIB);
      assertThat(held() - before).isBetween(32 * MIB, 96 * MIB);
      assertThat(bytes.get(ValueLayout.JAVA_BYTE, 64 * MIB - 1)).isZero();
      assertThat(bytes.get(ValueLayout.JAVA_BYTE, 64 * MIB)).isEqualTo((byte) 7);
    }
    assertThat(held() - before).isLessThan(32 * MIB);
  }
}
