//! What the journey prints: a line per milestone with its elapsed time, and while something is
//! awaited, what and from whom.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::Instant;

/// Prints lines with the time since it was made.
pub struct Say {
    began: Instant,
    waiting: Mutex<Option<String>>,
    live: bool,
}

impl Default for Say {
    fn default() -> Self {
        Self { began: Instant::now(), waiting: Mutex::default(), live: std::io::stdout().is_terminal() }
    }
}

impl Say {
    /// Seconds since the beginning.
    pub fn elapsed_s(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// A headline.
    pub fn head(&self, text: &str) {
        self.clear();
        println!("\n{text}");
    }

    /// A milestone.
    pub fn line(&self, text: &str) {
        self.clear();
        println!("{:>7.1} s  {text}", self.elapsed_s());
    }

    /// What is awaited, from whom; printed once for each change, in place on a terminal.
    pub fn waiting(&self, text: &str) {
        let mut last = self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.as_deref() == Some(text) {
            return;
        }
        if self.live {
            print!("\r\x1b[K           … {text}");
            let _ = std::io::stdout().flush();
        } else {
            println!("           … {text}");
        }
        *last = Some(text.to_owned());
    }

    fn clear(&self) {
        let mut last = self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.take().is_some() && self.live {
            print!("\r\x1b[K");
        }
    }
}
