//! One load at a time for each plugin, shared by all who wait for it.
//!
//! What never happens here: a load that ends because a caller went away; an entry that outlives its load,
//! however that ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use omega_contract::PluginId;
use tokio::sync::watch;

type UnderWay<T> = Arc<Mutex<HashMap<PluginId, watch::Receiver<Option<T>>>>>;

/// The loads under way, and how each ends.
pub(crate) struct Loads<T> {
    under_way: UnderWay<T>,
}

impl<T> Default for Loads<T> {
    fn default() -> Self {
        Self { under_way: Arc::default() }
    }
}

impl<T: Clone + Send + Sync + 'static> Loads<T> {
    /// Waits for the load of this plugin, which is begun unless it is under way. It goes on in a task of its
    /// own, whoever still waits. Nothing: it ended without a result, by a panic or with the runtime.
    pub(crate) async fn join<F>(&self, plugin_id: &PluginId, load: impl FnOnce() -> F + Send) -> Option<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut ending = {
            let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(ending) = under_way.get(plugin_id) {
                ending.clone()
            } else {
                let (sender, ending) = watch::channel(None);
                under_way.insert(plugin_id.clone(), ending.clone());
                let entry = Entry { under_way: Arc::clone(&self.under_way), plugin_id: plugin_id.clone() };
                let load = load();
                tokio::spawn(async move {
                    let loaded = {
                        let _entry = entry;
                        load.await
                    };
                    // Nobody waits any more where this fails.
                    let _ = sender.send(Some(loaded));
                });
                ending
            }
        };
        let loaded = ending.wait_for(Option::is_some).await.ok()?;
        loaded.clone()
    }
}

/// Takes the load out of those under way when it ends.
struct Entry<T> {
    under_way: UnderWay<T>,
    plugin_id: PluginId,
}

impl<T> Drop for Entry<T> {
    fn drop(&mut self) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.plugin_id);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use tokio::sync::Notify;

    use super::*;

    struct Bench {
        loads: Arc<Loads<usize>>,
        begun: Arc<AtomicUsize>,
        go: Arc<Notify>,
        plugin: PluginId,
    }

    impl Bench {
        fn new() -> Self {
            let plugin = "plugin".parse().unwrap();
            Self { loads: Arc::default(), begun: Arc::default(), go: Arc::default(), plugin }
        }

        /// A load that ends when told to; its result is how many began before it.
        async fn join(&self) -> Option<usize> {
            let (begun, go) = (Arc::clone(&self.begun), Arc::clone(&self.go));
            let load = || async move {
                let number = begun.fetch_add(1, Ordering::SeqCst);
                go.notified().await;
                number
            };
            self.loads.join(&self.plugin, load).await
        }

        fn under_way(&self) -> usize {
            self.loads.under_way.lock().unwrap().len()
        }

        /// Joins, is polled, and goes away.
        async fn join_and_leave(&self) {
            tokio::select! {
                biased;
                loaded = self.join() => panic!("nobody said go: {loaded:?}"),
                () = tokio::task::yield_now() => {}
            }
        }
    }

    #[tokio::test]
    async fn all_who_wait_share_one_load() {
        let bench = Bench::new();
        bench.go.notify_one();
        let loaded = join_all((0..100).map(|_| bench.join())).await;
        assert!(loaded.iter().all(|loaded| *loaded == Some(0)));
        assert_eq!((bench.begun.load(Ordering::SeqCst), bench.under_way()), (1, 0));
        bench.go.notify_one();
        assert_eq!(bench.join().await, Some(1), "what ended is not kept");
    }

    #[tokio::test]
    async fn a_load_goes_on_without_its_first_caller_and_its_entry_goes_with_it() {
        let bench = Bench::new();
        bench.join_and_leave().await;
        assert_eq!(bench.under_way(), 1);
        let (second, ()) = tokio::join!(bench.join(), async { bench.go.notify_one() });
        assert_eq!((second, bench.under_way()), (Some(0), 0), "the load that the first one began");

        bench.join_and_leave().await;
        bench.go.notify_one();
        while bench.under_way() > 0 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_load_that_panics_is_told_to_all_and_is_not_in_the_way_of_the_next() {
        let bench = Bench::new();
        let broken = || bench.loads.join(&bench.plugin, || async { panic!("on purpose") });
        assert!(join_all((0..3).map(|_| broken())).await.iter().all(Option::is_none));
        assert_eq!(bench.under_way(), 0);
        bench.go.notify_one();
        assert_eq!(bench.join().await, Some(0));
    }
}
