package io.github.composefs4j.fuse;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.FlightRecorder;
import jdk.jfr.FlightRecorderListener;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.Period;
import jdk.jfr.StackTrace;

/** What a flight recorder is told of mounts that this process serves. */
final class MountEvents {
  /** A run-time image may come without the recorder. */
  private static final boolean RECORDER = ModuleLayer.boot().findModule("jdk.jfr").isPresent();

  private MountEvents() {}

  /** Tells of a mount that answers now, and from time to time of what it does. */
  static void mounted(MountedView view, long nanos) {
    if (RECORDER) {
      Recorded.mounted(view, nanos);
    }
  }

  /** Apart, so that nothing of the recorder is loaded where there is none. */
  private static final class Recorded {
    private static final Set<MountedView> VIEWS = ConcurrentHashMap.newKeySet();
    private static final AtomicBoolean LISTENS = new AtomicBoolean();

    static void mounted(MountedView view, long nanos) {
      VIEWS.removeIf(each -> !each.isServed());
      VIEWS.add(view);
      if (!LISTENS.getAndSet(true)) {
        FlightRecorder.addListener(new Beginning());
      }
      if (FlightRecorder.isInitialized()) {
        // The recorder takes longer over the first event of a kind than a mount takes to make.
        Thread.ofPlatform().daemon().name("composefs events").start(() -> tell(view, nanos));
      }
    }

    /** Nothing of the recorder is made before somebody wants to record. */
    private static final class Beginning implements FlightRecorderListener {
      @Override
      public void recorderInitialized(FlightRecorder recorder) {
        FlightRecorder.addPeriodicEvent(MountStatistics.class, Recorded::statistics);
      }
    }

    private static void tell(MountedView view, long nanos) {
      Mounted event = new Mounted();
      event.point = view.point();
      event.mode = view.mode().label();
      event.verification = view.verification().label();
      event.nanos = nanos;
      event.commit();
    }

    private static void statistics() {
      VIEWS.removeIf(each -> !each.isServed());
      for (MountedView view : VIEWS) {
        MountedView.Statistics now = view.statistics();
        MountStatistics event = new MountStatistics();
        event.point = view.point();
        event.requests = now.requests();
        event.bytes = now.bytes();
        event.failures = now.failures();
        event.openObjects = now.openObjects();
        event.commit();
      }
    }
  }

  @Name("io.github.composefs4j.Mount")
  @Label("Mount")
  @Description("An image was mounted, served by this process")
  @Category("composefs")
  @StackTrace(false)
  static final class Mounted extends Event {
    @Label("Mount Point")
    String point = "";

    @Label("Mode")
    String mode = "";

    @Label("Verification")
    String verification = "";

    @Label("Time to Mount")
    @jdk.jfr.Timespan
    long nanos;
  }

  @Name("io.github.composefs4j.MountStatistics")
  @Label("Mount Statistics")
  @Description("What a mount has served since it was made")
  @Category("composefs")
  @Period("10 s")
  @StackTrace(false)
  static final class MountStatistics extends Event {
    @Label("Mount Point")
    String point = "";

    @Label("Requests")
    long requests;

    @Label("Content Handed Out")
    @DataAmount
    long bytes;

    @Label("Failed Requests")
    long failures;

    @Label("Open Objects")
    int openObjects;
  }
}
