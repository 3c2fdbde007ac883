package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.errors.RepositoryException;
import io.github.composefs4j.core.errors.RepositoryException.Reason;
import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.objects.ReadOnlyObjectStore;
import io.github.composefs4j.core.sources.UnionObjectStore;
import io.github.composefs4j.core.sources.UnionObjectStore.Member;
import io.github.composefs4j.core.sources.UnionOptions;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Where objects may be that a repository has not: other repositories, directories of objects,
 * whatever is an {@link ObjectStore}. They are asked in their order, after the repository itself;
 * what arrives is verified, and one that is gone, slow or damaged is passed over.
 *
 * @param places in the order in which they are asked
 * @param options how they are treated; promotion into a repository is a matter of {@code promote}
 * @param promote whether the repository receives a copy of each object that is read from elsewhere
 */
public record ObjectSources(List<Place> places, UnionOptions options, boolean promote) {
  /** No sources. */
  public static final ObjectSources NONE =
      new ObjectSources(List.of(), UnionOptions.defaults(), false);

  /** A copy of the list. */
  public ObjectSources {
    places = List.copyOf(places);
  }

  /** Opens a store of an algorithm, which is that of the repository. */
  @FunctionalInterface
  public interface Opener {
    /** {@return the open store} */
    ObjectStore open(HashAlgorithm algorithm) throws IOException;
  }

  /**
   * One source.
   *
   * @param name what messages and statistics call it
   * @param opener is called when it is first asked, and again if that fails
   */
  public record Place(String name, Opener opener) {
    /** {@return the objects of a repository, or of a directory that holds objects itself} */
    public static Place directory(Platform platform, Path path) {
      return new Place(path.toString(), algorithm -> openDirectory(platform, path, algorithm));
    }
  }

  /** {@return sources in directories, without promotion} */
  public static ObjectSources at(Platform platform, List<Path> paths) {
    return new ObjectSources(
        paths.stream().map(path -> Place.directory(platform, path)).toList(),
        UnionOptions.defaults(),
        false);
  }

  /** {@return these sources, copying what is read into the repository or not} */
  public ObjectSources withPromotion(boolean into) {
    return new ObjectSources(places, options, into);
  }

  /** {@return these sources as one store, which the caller closes} At least one is needed. */
  public UnionObjectStore open(HashAlgorithm algorithm) {
    return new UnionObjectStore(members(algorithm), options);
  }

  List<Member> members(HashAlgorithm algorithm) {
    List<Member> members = new ArrayList<>();
    for (Place place : places) {
      members.add(Member.opened(place.name(), algorithm, () -> place.opener().open(algorithm)));
    }
    return members;
  }

  private static ObjectStore openDirectory(Platform platform, Path path, HashAlgorithm algorithm)
      throws IOException {
    Path objects = path;
    try (StoreDirectory directory = platform.openExistingStore(path)) {
      MetadataFile.Loaded loaded = MetadataFile.load(directory);
      if (loaded != null && loaded.metadata().config().algorithm() != algorithm) {
        throw new RepositoryException(
            Reason.ALGORITHM_MISMATCH,
            path
                + ": is a repository of "
                + loaded.metadata().config().algorithm().label()
                + ", not of "
                + algorithm.label());
      }
      if (loaded != null || directory.stat(FileName.encode(Links.OBJECTS)) != null) {
        objects = path.resolve(Links.OBJECTS);
      }
    }
    return ReadOnlyObjectStore.open(platform, objects, algorithm);
  }
}
