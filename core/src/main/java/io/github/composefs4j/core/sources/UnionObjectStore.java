package io.github.composefs4j.core.sources;

import io.github.composefs4j.core.errors.MissingObjectException;
import io.github.composefs4j.core.errors.StoreUnavailableException;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verified.Verifier;
import io.github.composefs4j.core.verified.VerifyOptions;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Several stores as one, asked in their order. Thread-safe; owns the stores.
 *
 * <p>A store is passed over for an object that it has not, cannot read or has damaged: whatever is
 * read has been verified, and when a store turns out to be bad in the middle of an object, the next
 * one takes over. A store that does not answer in time is passed over altogether, at the cost of
 * one timeout for all threads together, and tried again in the background; see {@link
 * UnionOptions}.
 *
 * <p>With a promotion store, an object that comes from elsewhere is first copied there as a whole.
 */
public final class UnionObjectStore implements ObjectStore {
  final UnionOptions options;
  final List<Source> sources;
  private final HashAlgorithm algorithm;

  /**
   * One of the stores.
   *
   * @param name what messages and statistics call it
   * @param store the store itself
   * @param mayStall whether a call may take for ever, as on anything that is not a file system of
   *     this machine; such calls are made by threads of their own
   */
  public record Member(String name, ObjectStore store, boolean mayStall) {
    /** Opens a store. */
    @FunctionalInterface
    public interface Opener {
      /** {@return the open store} */
      ObjectStore open() throws IOException;
    }

    /**
     * {@return a member that is opened when it is first asked, in time as any other call, and again
     * if that fails: even opening may stall}
     */
    public static Member opened(String name, HashAlgorithm algorithm, Opener opener) {
      return new Member(name, new LazyStore(algorithm, opener), true);
    }
  }

  /**
   * A union.
   *
   * @param members in the order in which they are asked, at least one, all of one algorithm
   */
  public UnionObjectStore(List<Member> members, UnionOptions options) {
    this.options = options;
    this.algorithm = members.getFirst().store().algorithm();
    VerifyOptions verify = options.verify();
    VerifyOptions share =
        verify.withMemory(verify.hashBytes() / members.size(), verify.dataBytes() / members.size());
    List<Source> all = new ArrayList<>();
    for (Member member : members) {
      if (member.store().algorithm() != algorithm) {
        throw new IllegalArgumentException(
            member.name() + " holds objects of " + member.store().algorithm());
      }
      // A verifier for each: what one store gave must not be blamed on another.
      all.add(
          new Source(
              member.name(), member.store(), member.mayStall(), new Verifier(share), options));
    }
    this.sources = List.copyOf(all);
  }

  private UnionObjectStore(UnionOptions options, HashAlgorithm algorithm, List<Source> sources) {
    this.options = options;
    this.algorithm = algorithm;
    this.sources = sources;
  }

  /**
   * {@return all stores but the first, at least one, with the same health and counters} It need not
   * be closed but this.
   */
  public UnionObjectStore withoutFirst() {
    return new UnionObjectStore(
        options, algorithm, List.copyOf(sources.subList(1, sources.size())));
  }

  @Override
  public HashAlgorithm algorithm() {
    return algorithm;
  }

  /**
   * {@return an object; its bytes are verified}
   *
   * @throws MissingObjectException if all stores answer and none has it
   * @throws StoreUnavailableException if none has it, and some could not be asked or read
   */
  @Override
  public ObjectReader open(Digest digest) throws IOException {
    return new UnionReader(this, digest);
  }

  /**
   * {@inheritDoc} It is that of the first store that answers and has it: without a digest, none can
   * be passed over for being damaged.
   */
  @Override
  public ObjectReader openPath(byte[] path) throws IOException {
    String name = FileName.printable(path);
    IOException failure = null;
    for (Source source : sources) {
      try {
        if (!source.isUsable() && !source.awaitTrial()) {
          failure = new IOException(source.name + ": " + source.trouble());
          continue;
        }
        return source.openPath(path);
      } catch (InterruptedIOException e) {
        throw e;
      } catch (MissingObjectException e) {
        // the next one may have it
      } catch (IOException e) {
        failure = e;
      }
    }
    if (failure != null) {
      throw new StoreUnavailableException(
          "object " + name, String.valueOf(failure.getMessage()), failure);
    }
    throw new MissingObjectException(name, toString());
  }

  /**
   * {@return which of the objects are in any of the stores that answer}
   *
   * @throws StoreUnavailableException if none answers
   */
  @Override
  public BitSet present(List<Digest> digests) throws IOException {
    BitSet present = new BitSet(digests.size());
    if (digests.isEmpty()) {
      return present;
    }
    boolean answered = false;
    IOException last = null;
    for (Source source : sources) {
      if (present.cardinality() == digests.size()) {
        break;
      }
      if (!source.isUsable() && !source.awaitTrial()) {
        continue;
      }
      List<Digest> rest = new ArrayList<>();
      List<Integer> places = new ArrayList<>();
      for (int i = present.nextClearBit(0); i < digests.size(); i = present.nextClearBit(i + 1)) {
        rest.add(digests.get(i));
        places.add(i);
      }
      try {
        source.present(rest).stream().forEach(i -> present.set(places.get(i)));
        answered = true;
      } catch (InterruptedIOException e) {
        throw e;
      } catch (IOException e) {
        last = e;
      }
    }
    if (!answered) {
      throw new StoreUnavailableException(toString(), "none of them answers", last);
    }
    return present;
  }

  /**
   * {@return of each store, in their order, which of the objects it says it has; null for one that
   * does not answer}
   */
  public List<@Nullable BitSet> holders(List<Digest> digests) throws InterruptedIOException {
    List<@Nullable BitSet> holders = new ArrayList<>();
    for (Source source : sources) {
      BitSet held = null;
      try {
        if (digests.isEmpty()) {
          held = new BitSet();
        } else if (source.isUsable() || source.awaitTrial()) {
          held = source.present(digests);
        }
      } catch (InterruptedIOException e) {
        throw e;
      } catch (IOException e) {
        // its status tells
      }
      holders.add(held);
    }
    return holders;
  }

  /** {@return the directory of the first store} */
  @Override
  public Optional<Path> directory() {
    return sources.getFirst().store.directory();
  }

  /**
   * {@return the directories of the stores that have one and answer, in their order: the data-only
   * layers of a kernel mount} The kernel passes nothing over: it takes the first file it finds.
   */
  public List<Path> directories() {
    return sources.stream()
        .filter(source -> source.isUsable())
        .flatMap(source -> source.store.directory().stream())
        .toList();
  }

  /** {@return what is known of the stores, in their order} */
  public List<SourceStatus> status() {
    return sources.stream().map(Source::status).toList();
  }

  /** Closes the stores; waits for none. */
  @Override
  public void close() throws IOException {
    IOException failure = null;
    for (Source source : sources) {
      try {
        source.close();
      } catch (IOException e) {
        if (failure == null) {
          failure = e;
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  @Override
  public String toString() {
    return String.join(", ", sources.stream().map(source -> source.name).toList());
  }
}
