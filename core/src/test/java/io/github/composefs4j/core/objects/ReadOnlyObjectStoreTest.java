package io.github.composefs4j.core.objects;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.testkit.ReadableStoreContract;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class ReadOnlyObjectStoreTest extends ReadableStoreContract {
  @Override
  protected ObjectStore store(HashAlgorithm algorithm, List<byte[]> contents) throws Exception {
    Path objects = Files.createDirectories(directory.resolve("objects-" + algorithm));
    fill(objects, algorithm, contents);
    return ReadOnlyObjectStore.open(Platform.portable(), objects, algorithm);
  }

  @Test
  void makesNoDirectory() {
    Path missing = directory.resolve("missing");
    assertThatThrownBy(
            () -> ReadOnlyObjectStore.open(Platform.portable(), missing, HashAlgorithm.SHA256))
        .isInstanceOf(NoSuchFileException.class);
    assertThat(missing).doesNotExist();
  }
}
