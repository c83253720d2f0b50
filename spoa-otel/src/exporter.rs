//! The exporter: a limited queue of spans, and a thread that sends them.

use crate::client::Client;
use crate::counts::Counts;
use crate::environment::{Environment, Error};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, Span, SpanData, SpanExporter,
    SpanProcessor,
};
use std::sync::Arc;
use std::time::Duration;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::registry::LookupSpan;

/// The timeout of the last export, when the program ends.
const LAST: Duration = Duration::from_secs(5);

/// Exports spans, for a program that sets up `tracing` itself.
///
/// ```no_run
/// use spoa_otel::Traces;
/// use tracing_subscriber::layer::SubscriberExt;
/// use tracing_subscriber::util::SubscriberInitExt;
///
/// // `None` if the environment names no endpoint.
/// let traces = Traces::from_env("my-agent")?;
/// tracing_subscriber::registry().with(traces.as_ref().map(Traces::layer)).init();
/// // Build the agent with `spans_with_parent(spoa_otel::set_parent)`, and serve. Then:
/// if let Some(traces) = traces {
///     traces.end();
/// }
/// # Ok::<(), spoa_otel::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "`end` exports the remaining spans"]
pub struct Traces {
    provider: SdkTracerProvider,
    counts: Arc<Counts>,
}

impl Traces {
    /// Starts an exporter with the settings of the environment. Returns `None` if the environment names no endpoint.
    /// `service` is the name of the service unless the environment has one.
    ///
    /// # Errors
    /// An [`Error`] if a variable is invalid, or if the exporter cannot start.
    pub fn from_env(service: &str) -> Result<Option<Self>, Error> {
        let environment = Environment::read()?;
        environment
            .map(|environment| Traces::start(service, environment))
            .transpose()
    }

    fn start(service: &str, environment: Environment) -> Result<Self, Error> {
        let counts = Arc::new(Counts::default());
        let client = Client::new(environment.timeout, counts.clone());
        let client = client.map_err(|error| Error::Start(error.to_string()))?;
        let exporter = opentelemetry_otlp::SpanExporter::builder().with_http();
        let exporter = exporter
            .with_http_client(client)
            .with_timeout(environment.timeout);
        let exporter = exporter
            .build()
            .map_err(|error| Error::Start(error.to_string()))?;
        let exporter = Counted {
            exporter,
            counts: counts.clone(),
        };
        let config = BatchConfigBuilder::default().with_max_queue_size(environment.queue);
        let queue = BatchSpanProcessor::builder(exporter).with_batch_config(config.build());
        let queue = Limited {
            queue: queue.build(),
            limit: environment.queue,
            counts: counts.clone(),
        };
        let mut resource = Resource::builder();
        if !environment.names_service {
            resource = resource.with_service_name(service.to_owned());
        }
        #[cfg(feature = "admin")]
        crate::counts::metrics::register(counts.clone());
        Ok(Traces {
            provider: SdkTracerProvider::builder()
                .with_span_processor(queue)
                .with_resource(resource.build())
                .build(),
            counts,
        })
    }

    /// Returns the layer that records the spans of `tracing` at INFO and above, without the lines of the log.
    #[must_use]
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let is_exported =
            |metadata: &Metadata<'_>| metadata.is_span() && *metadata.level() <= Level::INFO;
        let filter = FilterFn::new(is_exported).with_max_level_hint(Level::INFO);
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("haproxy-spoa"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(filter)
    }

    /// Returns the provider of tracers, for spans that the program makes without `tracing`.
    #[must_use]
    pub fn provider(&self) -> &SdkTracerProvider {
        &self.provider
    }

    /// Exports the remaining spans, for at most five seconds. The log says how many were lost.
    pub fn end(self) {
        // A failure is counted and logged below.
        let _ = self.provider.shutdown_with_timeout(LAST);
        self.counts.end();
    }
}

/// The queue of the SDK, with a limit that counts the dropped spans.
#[derive(Debug)]
struct Limited {
    queue: BatchSpanProcessor,
    limit: usize,
    counts: Arc<Counts>,
}

impl SpanProcessor for Limited {
    fn on_start(&self, span: &mut Span, context: &opentelemetry::Context) {
        self.queue.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.counts.enter(self.limit) {
            self.queue.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.queue.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.queue.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.queue.set_resource(resource);
    }
}

/// The exporter, which counts its spans by their outcome.
#[derive(Debug)]
struct Counted {
    exporter: opentelemetry_otlp::SpanExporter,
    counts: Arc<Counts>,
}

impl SpanExporter for Counted {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.exporter.export(batch).await;
        let error = result.as_ref().err().map(ToString::to_string);
        self.counts.done(spans, error);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
