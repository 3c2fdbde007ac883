/** Ways for requests to come and replies to go: the device, and io_uring. */
package io.github.composefs4j.fuse.transport;
