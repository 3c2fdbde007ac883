/**
 * Images as file systems of {@code java.nio.file}, scheme {@code composefs}: any JVM on any system
 * reads an image's tree with {@link java.nio.file.Files}, without a mount and without native code.
 *
 * <pre>{@code
 * try (FileSystem image = FileSystems.newFileSystem(Path.of("usr.cfs"), Map.of("objects", "objects"))) {
 *   Files.walk(image.getPath("/"))…
 * }
 * }</pre>
 *
 * <p>or {@code FileSystems.newFileSystem(URI.create("composefs:file:///srv/usr.cfs"), env)}, after
 * which {@code Path.of(URI.create("composefs:file:///srv/usr.cfs!/bin/sh"))} finds its files too.
 *
 * <h2>Keys of {@code env}</h2>
 *
 * <table>
 * <caption>All are optional.</caption>
 * <tr><th>{@code objects}</th><td>where contents are: an object directory ({@code Path} or {@code
 *   String}), an {@link io.github.composefs4j.core.objects.ObjectStore}, which stays open, or a
 *   collection of these, asked in its order. By default, the objects of the repository that the
 *   image is in: an image that is an object there, also by a symlink.</td></tr>
 * <tr><th>{@code digest}</th><td>the image's fs-verity digest, hex or a {@link
 *   io.github.composefs4j.core.verity.Digest}. The image is held to it: a private copy in memory up
 *   to 1 GiB, checked as it is read above. By default that of its name in a repository; for other
 *   images none, and the image is taken as it is.</td></tr>
 * <tr><th>{@code verify}</th><td>{@code always} (the default; or {@code true}): each block of each
 *   object is held to the digest that the image has of it, and content without a digest is refused.
 *   {@code open}: all of an object is checked when it is opened; later changes are not seen. {@code
 *   kernel}: objects without fs-verity of the right digest are not opened, which takes the module
 *   {@code linux} to be seen. {@code off} (or {@code false}): objects are handed out unchecked. Also
 *   a {@link io.github.composefs4j.core.verified.Verification}, or, for {@code always}, a {@link
 *   io.github.composefs4j.core.verified.Verifier}, to share memory between file systems or choose
 *   its size.</td></tr>
 * </table>
 *
 * <h2>What is there</h2>
 *
 * <p>The tree that a kernel mount shows: stubs and overlayfs' own attributes are hidden. Read-only:
 * what would write throws {@link java.nio.file.ReadOnlyFileSystemException}. Attribute views {@code
 * basic}, {@code owner}, {@code posix}, {@code unix} (mode, ino, dev, rdev, nlink, uid, gid,
 * ctime), {@code user} and, for all extended attributes, {@link
 * io.github.composefs4j.core.nio.XattrView}. Users and groups have numbers for names. All times are
 * the modification time. Relative paths start at the root.
 *
 * <p>Content that does not match its digest, a missing object or a damaged image is a {@link
 * java.nio.file.FileSystemException} that names the file, with the exception of {@link
 * io.github.composefs4j.core.errors} as its cause.
 */
package io.github.composefs4j.core.nio;
