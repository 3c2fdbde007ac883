package io.github.composefs4j.linux;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.linux.Finding.State;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiagnosisTest {
  @TempDir Path directory;

  @Test
  void tellsWhatIsThereAndLeavesNothingBehind() throws Exception {
    String mounts = Files.readString(Path.of("/proc/self/mountinfo"));
    List<Finding> findings = Diagnosis.of(directory);
    assertThat(findings).extracting(Finding::subject).doesNotHaveDuplicates().contains("EROFS");
    for (Finding finding : findings) {
      assertThat(finding.detail() + finding.remedy()).doesNotContain("\n");
      if (finding.state() == State.NO) {
        assertThat(finding.remedy()).as(finding.subject()).isNotEmpty();
      }
    }
    assertThat(findings.getFirst().detail()).isEqualTo(System.getProperty("os.version"));
    assertThat(directory).isEmptyDirectory();
    assertThat(Files.readString(Path.of("/proc/self/mountinfo"))).isEqualTo(mounts);
    for (String parent : new String[] {"/run", "/tmp"}) {
      try (var entries = Files.newDirectoryStream(Path.of(parent), ".composefs-*")) {
        assertThat(entries).isEmpty();
      }
    }
  }

  @Test
  void saysWhichSideLacksFsVerity() throws Exception {
    Finding verity = null;
    for (Finding finding : Diagnosis.of(Path.of("/dev/shm"))) {
      if (finding.subject().startsWith("fs-verity on /dev/shm")) {
        verity = finding;
      }
    }
    assertThat(verity).isNotNull();
    assertThat(verity.state()).isEqualTo(State.NO);
    assertThat(verity.detail()).isEqualTo("file system tmpfs of /dev/shm has no fs-verity");
    assertThat(verity.remedy()).contains("tryverity");
  }
}
