package io.github.composefs4j.fuse;

import io.github.composefs4j.core.objects.ObjectStore;
import io.github.composefs4j.core.verity.Digest;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is mounted, and how. Immutable; {@code with…} give changed copies.
 *
 * @param image a regular file
 * @param digest what the image must have, or null to take it as it is when it is mounted
 * @param objects object directories, asked in order
 * @param store content from elsewhere, asked after the directories, or null; it stays the caller's,
 *     open as long as the mount. Only mode {@link MountMode#VERIFIED} can use it
 * @param mode null for the first that works, see {@link Mounts#mount}
 * @param verification null for the default of the mode
 * @param upper writable layer, or null; together with {@code work}
 * @param readOnly whether the mount is read-only although it has a writable layer
 * @param allowOther whether other users may enter a mount that this process serves
 * @param attributes further {@code MOUNT_ATTR_*} bits, as of {@link
 *     io.github.composefs4j.linux.MountOptions}
 * @param replace whether a mount that is there already is replaced, with no moment between
 * @param uring whether requests may come over io_uring, where the administrator allows it
 */
public record ViewOptions(
    Path image,
    @Nullable Digest digest,
    List<Path> objects,
    @Nullable ObjectStore store,
    @Nullable MountMode mode,
    @Nullable Verification verification,
    @Nullable Path upper,
    @Nullable Path work,
    boolean readOnly,
    boolean allowOther,
    int attributes,
    boolean replace,
    boolean uring) {
  /** Copies the list. */
  public ViewOptions {
    objects = List.copyOf(objects);
    if ((upper == null) != (work == null)) {
      throw new IllegalArgumentException("an upper and a work directory go together");
    }
  }

  /** {@return a read-only mount in the first mode that works} */
  public static ViewOptions of(Path image, List<Path> objects) {
    return new ViewOptions(
        image, null, objects, null, null, null, null, null, true, false, 0, false, true);
  }

  /** {@return these with the image held to a digest} */
  public ViewOptions withDigest(@Nullable Digest other) {
    return new ViewOptions(
        image,
        other,
        objects,
        store,
        mode,
        verification,
        upper,
        work,
        readOnly,
        allowOther,
        attributes,
        replace,
        uring);
  }

  /** {@return these with content from a store} */
  public ViewOptions withStore(@Nullable ObjectStore other) {
    return new ViewOptions(
        image,
        digest,
        objects,
        other,
        mode,
        verification,
        upper,
        work,
        readOnly,
        allowOther,
        attributes,
        replace,
        uring);
  }

  /** {@return these with a mode and a way to verify, null for what is chosen} */
  public ViewOptions with(@Nullable MountMode how, @Nullable Verification verify) {
    return new ViewOptions(
        image,
        digest,
        objects,
        store,
        how,
        verify,
        upper,
        work,
        readOnly,
        allowOther,
        attributes,
        replace,
        uring);
  }

  /** {@return these with a writable layer} */
  public ViewOptions withUpper(@Nullable Path over, @Nullable Path workspace, boolean writable) {
    return new ViewOptions(
        image,
        digest,
        objects,
        store,
        mode,
        verification,
        over,
        workspace,
        !writable,
        allowOther,
        attributes,
        replace,
        uring);
  }

  /** {@return these, other users entering or not} */
  public ViewOptions withAllowOther(boolean allowed) {
    return new ViewOptions(
        image,
        digest,
        objects,
        store,
        mode,
        verification,
        upper,
        work,
        readOnly,
        allowed,
        attributes,
        replace,
        uring);
  }

  /** {@return these, replacing what is mounted there or not} */
  public ViewOptions withReplace(boolean replaces) {
    return new ViewOptions(
        image,
        digest,
        objects,
        store,
        mode,
        verification,
        upper,
        work,
        readOnly,
        allowOther,
        attributes,
        replaces,
        uring);
  }
}
