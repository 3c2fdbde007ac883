package io.github.composefs4j.fuse;

import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.verified.Verification;
import io.github.composefs4j.core.verity.Digest;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** What is mounted, and how. Immutable; {@code with…} give changed copies. */
public final class ViewOptions implements Cloneable {
  private final Path image;
  private final List<Path> objects;
  private @Nullable Digest digest;
  private @Nullable String source;
  private @Nullable ObjectStore store;
  private @Nullable Path trees;
  private @Nullable MountMode mode;
  private @Nullable Verification verification;
  private @Nullable Path upper;
  private @Nullable Path work;
  private boolean readOnly = true;
  private boolean allowOther;
  private int attributes;
  private boolean replace;
  private boolean uring = true;

  private ViewOptions(Path image, List<Path> objects) {
    this.image = image;
    this.objects = List.copyOf(objects);
  }

  /**
   * {@return a read-only mount in the first mode that works}
   *
   * @param image a regular file
   * @param objects object directories, asked in order
   */
  public static ViewOptions of(Path image, List<Path> objects) {
    return new ViewOptions(image, objects);
  }

  /** Every change goes through here: only the fresh copy is ever written to. */
  private ViewOptions changed(Consumer<ViewOptions> change) {
    try {
      ViewOptions copy = (ViewOptions) clone();
      change.accept(copy);
      return copy;
    } catch (CloneNotSupportedException e) {
      throw new AssertionError(e);
    }
  }

  /** {@return the image, a regular file} */
  public Path image() {
    return image;
  }

  /** {@return object directories, asked in order} */
  public List<Path> objects() {
    return objects;
  }

  /** {@return what the image must have, or null to take it as it is when it is mounted} */
  public @Nullable Digest digest() {
    return digest;
  }

  /** {@return these with the image held to a digest, or not} */
  public ViewOptions withDigest(@Nullable Digest other) {
    return changed(options -> options.digest = other);
  }

  /**
   * {@return what a FUSE mount is called in the mount table, by the rule of {@link
   * io.github.composefs4j.core.tree.FileName#decode}, or null for {@code composefs:} and the digest
   * or the name of the image}
   */
  public @Nullable String source() {
    return source;
  }

  /** {@return these with another name in the mount table, or the usual one} */
  public ViewOptions withSource(@Nullable String other) {
    return changed(options -> options.source = other);
  }

  /** {@return where content comes from that no directory has, or null} */
  public @Nullable ObjectStore store() {
    return store;
  }

  /**
   * {@return these with content from a store, asked after the directories} It stays the caller's,
   * open as long as the mount. Only mode {@link MountMode#VERIFIED} can use it.
   */
  public ViewOptions withStore(@Nullable ObjectStore other) {
    return changed(options -> options.store = other);
  }

  /** {@return where Merkle trees of large objects are found and kept, or null} */
  public @Nullable Path trees() {
    return trees;
  }

  /**
   * {@return these with a directory for the Merkle trees of large objects, see {@link
   * io.github.composefs4j.core.verified.MerkleTrees}} An object whose tree is there need not be
   * hashed as a whole before its first byte is read. Mode {@link MountMode#VERIFIED} uses it.
   */
  public ViewOptions withTrees(@Nullable Path directory) {
    return changed(options -> options.trees = directory);
  }

  /** {@return the mode, or null for the first that works, see {@link Mounts#mount}} */
  public @Nullable MountMode mode() {
    return mode;
  }

  /** {@return who verifies, or null for the default of the mode} */
  public @Nullable Verification verification() {
    return verification;
  }

  /** {@return these with a mode and a way to verify, null for what is chosen} */
  public ViewOptions with(@Nullable MountMode how, @Nullable Verification verify) {
    return changed(options -> {
      options.mode = how;
      options.verification = verify;
    });
  }

  /** {@return a writable layer, or null} */
  public @Nullable Path upper() {
    return upper;
  }

  /** {@return the work directory of the writable layer; null without one} */
  public @Nullable Path work() {
    return work;
  }

  /** {@return whether the mount is read-only, be it that it has a writable layer} */
  public boolean readOnly() {
    return readOnly;
  }

  /** {@return these with a writable layer, or with none} */
  public ViewOptions withUpper(@Nullable Path over, @Nullable Path workspace, boolean writable) {
    if ((over == null) != (workspace == null)) {
      throw new IllegalArgumentException("an upper and a work directory go together");
    }
    return changed(options -> {
      options.upper = over;
      options.work = workspace;
      options.readOnly = !writable;
    });
  }

  /** {@return whether other users may enter a mount that this process serves} */
  public boolean allowOther() {
    return allowOther;
  }

  /** {@return these, other users entering or not} */
  public ViewOptions withAllowOther(boolean allowed) {
    return changed(options -> options.allowOther = allowed);
  }

  /**
   * {@return further {@code MOUNT_ATTR_*} bits, as of {@link
   * io.github.composefs4j.linux.MountOptions}}
   */
  public int attributes() {
    return attributes;
  }

  /** {@return these with such bits} */
  public ViewOptions withAttributes(int bits) {
    return changed(options -> options.attributes = bits);
  }

  /** {@return whether a mount that is there already is replaced, with no moment between} */
  public boolean replace() {
    return replace;
  }

  /** {@return these, replacing what is mounted there, if anything is, or not} */
  public ViewOptions withReplace(boolean replaces) {
    return changed(options -> options.replace = replaces);
  }

  /** {@return whether requests may come over io_uring, where the administrator allows it} */
  public boolean uring() {
    return uring;
  }

  /** {@return these, with io_uring where there is, or without} */
  public ViewOptions withUring(boolean allowed) {
    return changed(options -> options.uring = allowed);
  }
}
