package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.errors.StoreUnavailableException;
import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.sources.SourceStatus;
import io.github.composefs4j.core.sources.UnionObjectStore;
import io.github.composefs4j.core.sources.UnionObjectStore.Member;
import io.github.composefs4j.core.sources.UnionOptions;
import io.github.composefs4j.core.verity.Digest;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The objects of a repository and of the sources it was opened with. Thread-safe. */
final class RepositoryObjects implements Closeable {
  private final Repository repository;
  private final OwnObjects own;
  private final @Nullable LocalObjectStore promotion;
  private final @Nullable UnionObjectStore union;
  private final @Nullable UnionObjectStore elsewhere;

  RepositoryObjects(Repository repository, ObjectSources sources) throws IOException {
    this.repository = repository;
    this.own = new OwnObjects(repository);
    if (sources.places().isEmpty()) {
      this.promotion = null;
      this.union = null;
      this.elsewhere = null;
      return;
    }
    this.promotion = sources.promote() ? promotion(repository) : null;
    UnionOptions options =
        promotion == null ? sources.options() : sources.options().withPromotion(promotion);
    List<Member> members = new ArrayList<>();
    members.add(
        new Member(repository.path().toString(), promotion == null ? own : promotion, false));
    members.addAll(sources.members(repository.algorithm()));
    this.union = new UnionObjectStore(members, options);
    this.elsewhere = union.withoutFirst();
  }

  private static LocalObjectStore promotion(Repository repository) throws IOException {
    repository.requireWritable();
    return LocalObjectStore.open(
        repository.platform(),
        repository.objectsPath(),
        repository.algorithm(),
        repository.policy());
  }

  ObjectStore all() {
    return union == null ? own : union;
  }

  @Nullable UnionObjectStore elsewhere() {
    return elsewhere;
  }

  /** {@return whether a source that answers has an object} */
  boolean isElsewhere(Digest digest) throws IOException {
    try {
      return elsewhere != null && elsewhere.present(List.of(digest)).get(0);
    } catch (StoreUnavailableException e) {
      return false;
    }
  }

  List<Path> directories() throws IOException {
    List<Path> directories = new ArrayList<>();
    directories.add(repository.objectsPath());
    if (elsewhere != null) {
      // A question that none can answer with yes opens all that answer.
      isElsewhere(Digest.of(new byte[repository.algorithm().size()]));
      directories.addAll(elsewhere.directories());
    }
    return directories;
  }

  List<SourceStatus> status() {
    return elsewhere == null ? List.of() : elsewhere.status();
  }

  /** What was promoted survives a power cut from now on. */
  @Override
  public void close() throws IOException {
    if (union == null) {
      return;
    }
    if (promotion != null && promotion.stored() > 0) {
      repository.syncs().all();
    }
    union.close(); // and with it the store that received copies
  }
}
