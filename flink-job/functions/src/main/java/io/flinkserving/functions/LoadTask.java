package io.flinkserving.functions;

import io.flinkserving.model.ModelException;
import io.flinkserving.model.ModelToServe;
import java.util.concurrent.CountDownLatch;

/** One load on a loader thread. Its outcome is taken once, by the task's thread, or closed. */
final class LoadTask<R> implements Runnable {

    final ModelToServe model;
    private final ModelLoader<R> loader;
    private ModelLoader.Source source;
    private final CountDownLatch finished = new CountDownLatch(1);

    private LoadedModel<R> loaded;
    private Throwable failure;
    private boolean abandoned;
    private volatile boolean done;

    LoadTask(ModelToServe model, ModelLoader<R> loader, ModelLoader.Source source) {
        this.model = model;
        this.loader = loader;
        this.source = source;
    }

    @Override
    public void run() {
        LoadedModel<R> result = null;
        Throwable problem = null;
        if (!isAbandoned()) {
            try {
                result = loader.load(model, source);
            } catch (ModelException | RuntimeException | Error e) {
                problem = e;
            }
        }
        source = null;
        deliver(result, problem);
    }

    private synchronized void deliver(LoadedModel<R> result, Throwable problem) {
        if (abandoned && result != null) {
            result.close();
        } else {
            loaded = result;
            failure = problem;
        }
        done = true;
        finished.countDown();
    }

    private synchronized boolean isAbandoned() {
        return abandoned;
    }

    boolean isDone() {
        return done;
    }

    void await() throws InterruptedException {
        finished.await();
    }

    /**
     * The outcome; to be called once, when it is done.
     *
     * @throws ModelException why the model can't be taken
     */
    synchronized LoadedModel<R> take() throws ModelException {
        LoadedModel<R> result = loaded;
        loaded = null;
        if (failure instanceof ModelException) {
            throw (ModelException) failure;
        }
        if (failure instanceof RuntimeException) {
            throw (RuntimeException) failure;
        }
        if (failure instanceof Error) {
            throw (Error) failure;
        }
        return result;
    }

    /** Nobody will take the outcome. */
    synchronized void abandon() {
        abandoned = true;
        if (loaded != null) {
            loaded.close();
            loaded = null;
        }
    }
}
