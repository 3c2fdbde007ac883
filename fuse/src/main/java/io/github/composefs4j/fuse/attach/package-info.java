/** Making a file system of a device, and serving it (fuse-and-mount.md 10). */
package io.github.composefs4j.fuse.attach;
