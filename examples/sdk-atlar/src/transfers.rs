//! Credit transfers, which are made once however often they are sent.

use serde::{Deserialize, Serialize};

use crate::{Atlar, Error};

const PATH: &str = "/payments/v2/credit-transfers";

/// What to transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TransferRequest {
    /// The account that it comes from.
    pub source: String,
    /// The account that it goes to.
    pub destination: String,
    /// How much, in the currency's smallest unit.
    pub amount: u64,
    /// The currency's code.
    pub currency: String,
}

/// A transfer that Atlar has taken.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Transfer {
    /// Atlar's id of it.
    pub id: String,
}

/// A transfer that is yet to be sent.
#[derive(Debug)]
#[must_use = "nothing is transferred before it is sent"]
pub struct CreateTransfer {
    atlar: Atlar,
    transfer: TransferRequest,
    key: String,
}

impl CreateTransfer {
    pub(crate) fn new(atlar: Atlar, transfer: TransferRequest) -> Self {
        let key = format!("{:032x}", fastrand::u128(..));
        Self {
            atlar,
            transfer,
            key,
        }
    }

    /// By what Atlar knows that it is the same transfer again. A random one unless set; a program that
    /// may crash in between takes one that it has written down.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.key = key.into();
        self
    }

    /// Sends it: again under the same key if the token was refused or Atlar failed for a moment.
    ///
    /// # Errors
    /// If Atlar has not taken it, or it is not known whether it has. To send it again under the same
    /// key is safe.
    ///
    /// # Cancel safety
    /// It is not known then whether the transfer was made.
    pub async fn send(&self) -> Result<Transfer, Error> {
        let body = serde_json::to_vec(&self.transfer).map_err(Error::request)?;
        self.atlar.post(PATH, &self.key, body).await
    }
}
