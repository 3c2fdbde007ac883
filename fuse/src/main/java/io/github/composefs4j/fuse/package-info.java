/**
 * Images mounted, by the kernel or by this process, behind one face.
 *
 * <p>{@link io.github.composefs4j.fuse.Mounts#mount} takes {@link
 * io.github.composefs4j.fuse.ViewOptions} and gives a {@link
 * io.github.composefs4j.fuse.MountedView}. {@link io.github.composefs4j.fuse.MountMode} tells who
 * serves, {@link io.github.composefs4j.fuse.Verification} who verifies.
 */
package io.github.composefs4j.fuse;
