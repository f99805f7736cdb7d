//! [`Server`]: `peer.Echo`, health and reflection behind a [`Gate`], on a loopback port.

use std::{net::SocketAddr, pin::Pin, time::Duration};

use tokio::{net::TcpListener, task::JoinHandle};
use tokio_stream::{Stream, StreamExt as _, wrappers::TcpListenerStream};
use tonic::{Request, Response, Status, Streaming, transport::Endpoint};

use super::{
    gate::{Gate, Refused},
    proto::{
        Message,
        echo_server::{Echo, EchoServer},
        message,
    },
};

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) gate: Gate,
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::build(tonic::transport::Server::builder()).await
    }

    pub(crate) async fn build(builder: tonic::transport::Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let gate = Gate::default();
        let (_, health) = tonic_health::server::health_reporter();
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()
            .unwrap();
        let router = builder
            .layer(gate.clone())
            .add_service(EchoServer::new(Service))
            .add_service(health)
            .add_service(reflection);
        let incoming = TcpListenerStream::new(listener);
        let task = tokio::spawn(async move {
            router.serve_with_incoming(incoming).await.unwrap();
        });
        Self {
            gate,
            address,
            task,
        }
    }

    /// Nothing listens any more after that.
    pub(crate) async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::from_shared(format!("http://{}", self.address)).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Messages = Pin<Box<dyn Stream<Item = Result<Message, Status>> + Send>>;

struct Service;

/// "slow" in a request makes its answer take this long.
pub(crate) const SLOW: Duration = Duration::from_secs(3);

#[tonic::async_trait]
impl Echo for Service {
    async fn unary(&self, request: Request<Message>) -> Result<Response<Message>, Status> {
        if request.get_ref().text == "slow" {
            tokio::time::sleep(SLOW).await;
        }
        Ok(Response::new(request.into_inner()))
    }

    async fn collect(
        &self,
        request: Request<Streaming<Message>>,
    ) -> Result<Response<Message>, Status> {
        let mut all = String::new();
        let mut messages = request.into_inner();
        while let Some(message) = messages.message().await? {
            all.push_str(&message.text);
        }
        Ok(Response::new(message(all)))
    }

    type RepeatStream = Messages;

    async fn repeat(&self, request: Request<Message>) -> Result<Response<Messages>, Status> {
        let refused = request.extensions().get::<Refused>().is_some();
        let message = request.into_inner();
        let mut answers = vec![Ok(message.clone()), Ok(message.clone())];
        answers.push(if refused {
            Err(Status::unauthenticated("the token ended"))
        } else {
            Ok(message)
        });
        Ok(Response::new(Box::pin(tokio_stream::iter(answers))))
    }

    type ChatStream = Messages;

    async fn chat(
        &self,
        request: Request<Streaming<Message>>,
    ) -> Result<Response<Messages>, Status> {
        let answers = request
            .into_inner()
            .map(|message| Ok(self::message(message?.text)));
        Ok(Response::new(Box::pin(answers)))
    }
}
