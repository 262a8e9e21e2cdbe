//! Progress of a pull: a bar a layer where a person watches, plain lines elsewhere.

use std::collections::HashMap;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::lambda::event::Pull;

/// A layer whose size is not known yet.
const WORD: &str = "{prefix:>14} {msg}";
const BAR: &str = "{prefix:>14} {wide_bar} {bytes:>10}/{total_bytes:<10} {msg:<18}";

/// What is shown of the pull that is under way.
#[derive(Default)]
pub(super) struct PullDisplay {
    bars: Option<Bars>,
    said: HashMap<String, String>,
}

struct Bars {
    all: MultiProgress,
    layers: HashMap<String, ProgressBar>,
}

impl PullDisplay {
    /// Takes a step of the pull; the lines that it is worth are to be written.
    pub(super) fn show(&mut self, pull: &Pull, terminal: bool) -> Option<String> {
        match pull {
            Pull::Started { what, image } => {
                let bars = || Bars {
                    all: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()),
                    layers: HashMap::new(),
                };
                self.bars = terminal.then(bars);
                Some(format!("{what} {image}"))
            }
            Pull::Layer {
                id,
                status,
                current,
                total,
            } => match &mut self.bars {
                Some(bars) => {
                    bars.layer(id, status, *current, *total);
                    None
                }
                None => self.line(id, status),
            },
            Pull::Done { what, image } => {
                self.clear();
                Some(format!("{what} {image}"))
            }
            Pull::Failed => {
                self.clear();
                None
            }
        }
    }

    /// A line for a layer's new state; how far it is within one is not worth a line.
    fn line(&mut self, id: &str, status: &str) -> Option<String> {
        let before = self.said.insert(id.to_owned(), status.to_owned());
        (before.as_deref() != Some(status)).then(|| format!("  {id}: {status}"))
    }

    /// Writes a line above the bars. False where there are none, and the line is still to be written.
    pub(super) fn write_above(&self, line: &str) -> bool {
        let bars = self.bars.as_ref();
        bars.is_some_and(|bars| bars.all.println(line).is_ok())
    }

    fn clear(&mut self) {
        if let Some(bars) = self.bars.take() {
            bars.layers.values().for_each(ProgressBar::finish_and_clear);
            let _ = bars.all.clear();
        }
        self.said.clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl Bars {
    fn layer(&mut self, id: &str, status: &str, current: Option<u64>, total: Option<u64>) {
        let bar = self.layers.entry(id.to_owned()).or_insert_with(|| {
            let bar = self
                .all
                .add(ProgressBar::no_length().with_style(style(WORD)));
            bar.set_prefix(id.to_owned());
            bar
        });
        bar.set_message(status.to_owned());
        if let Some(total) = total.filter(|total| bar.length() != Some(*total)) {
            bar.set_style(style(BAR));
            bar.set_length(total);
        }
        if let Some(current) = current {
            bar.set_position(current);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_terminal_each_state_of_a_layer_is_one_line() {
        let mut display = PullDisplay::default();
        let layer = |status: &str, current| Pull::Layer {
            id: "abc".into(),
            status: status.into(),
            current: Some(current),
            total: Some(9),
        };
        let mut show = |pull: &Pull| display.show(pull, false);
        assert_eq!(
            show(&Pull::Started {
                what: "Pulling".into(),
                image: "i".into()
            })
            .as_deref(),
            Some("Pulling i")
        );
        assert_eq!(
            show(&layer("Downloading", 1)).as_deref(),
            Some("  abc: Downloading")
        );
        assert_eq!(show(&layer("Downloading", 5)), None);
        assert_eq!(
            show(&layer("Pull complete", 9)).as_deref(),
            Some("  abc: Pull complete")
        );
        assert_eq!(
            show(&Pull::Done {
                what: "Pulled".into(),
                image: "i".into()
            })
            .as_deref(),
            Some("Pulled i")
        );
    }
}
