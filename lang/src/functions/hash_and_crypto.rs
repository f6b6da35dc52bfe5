//! Digests, password hashes, decryption and identifiers.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bcrypt::Version;
use md5::Md5;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::pkcs8::DecodePrivateKey;
use rsa::{BigUint, Pkcs1v15Encrypt, RsaPrivateKey};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use uuid::Uuid;

use crate::number::Number;
use crate::types::Type;
use crate::value::Value;

use super::call::{Call, CallError, text};
use super::encoding::decode_base64;
use super::filesystem::read;
use super::table::{Allows, Function};

/// The work factor where none is given, and the greatest that is carried out: each step
/// doubles the time, and this one takes seconds.
const BCRYPT_COST: u32 = 10;
const MAX_BCRYPT_COST: u32 = 16;

/// How many steps of an evaluation take as long as bcrypt with a cost of zero would, and as a
/// decryption.
const STEPS_OF_BCRYPT: u64 = 600;
const STEPS_OF_A_DECRYPTION: u64 = 100_000;

/// The most bytes of a password that bcrypt looks at.
const MAX_PASSWORD: usize = 72;

pub(super) fn functions() -> Vec<Function> {
    use Type::String;
    let of_text = |name, doc| Function::new(name, doc).takes("str", String).gives(String);
    let of_file = |name, doc| Function::new(name, doc).takes("path", String).gives(String);
    vec![
        of_text("base64sha256", "The SHA-256 digest of a string in base64.")
            .by(|call| text(STANDARD.encode(Sha256::digest(call.text(0))))),
        of_text("base64sha512", "The SHA-512 digest of a string in base64.")
            .by(|call| text(STANDARD.encode(Sha512::digest(call.text(0))))),
        of_text("bcrypt", "A bcrypt hash of a password, another one each time.")
            .takes_more("cost", Type::Number, Allows::NOTHING)
            .costs(bcrypt_steps)
            .by(bcrypt),
        of_file("filebase64sha256", "The SHA-256 digest of a file in base64.")
            .by(|call| text(STANDARD.encode(Sha256::digest(read(call)?)))),
        of_file("filebase64sha512", "The SHA-512 digest of a file in base64.")
            .by(|call| text(STANDARD.encode(Sha512::digest(read(call)?)))),
        of_file("filemd5", "The MD5 digest of a file.").by(|call| hex(&Md5::digest(read(call)?))),
        of_file("filesha1", "The SHA-1 digest of a file.").by(|call| hex(&Sha1::digest(read(call)?))),
        of_file("filesha256", "The SHA-256 digest of a file.").by(|call| hex(&Sha256::digest(read(call)?))),
        of_file("filesha512", "The SHA-512 digest of a file.").by(|call| hex(&Sha512::digest(read(call)?))),
        of_text("md5", "The MD5 digest of a string.").by(|call| hex(&Md5::digest(call.text(0)))),
        Function::new("rsadecrypt", "The text that was encrypted with RSA for the holder of a private key.")
            .takes("ciphertext", String)
            .takes("privatekey", String)
            .gives(String)
            .costs(|_| STEPS_OF_A_DECRYPTION)
            .by(rsadecrypt),
        of_text("sha1", "The SHA-1 digest of a string.").by(|call| hex(&Sha1::digest(call.text(0)))),
        of_text("sha256", "The SHA-256 digest of a string.").by(|call| hex(&Sha256::digest(call.text(0)))),
        of_text("sha512", "The SHA-512 digest of a string.").by(|call| hex(&Sha512::digest(call.text(0)))),
        Function::new("uuid", "A random UUID, another one each time.").gives(String).by(uuid),
        Function::new("uuidv5", "The UUID of a name in a namespace.")
            .takes("namespace", String)
            .takes("name", String)
            .gives(String)
            .by(uuidv5),
    ]
}

fn hex(bytes: &[u8]) -> Result<Value, CallError> {
    text(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// Like the time, what is different each time is known only after apply.
fn is_planning(call: &Call<'_>) -> bool {
    call.host.now().is_none()
}

fn bcrypt(call: &Call<'_>) -> Result<Value, CallError> {
    let cost = match call.arguments.len() {
        0 | 1 => i64::from(BCRYPT_COST),
        2 => call.number(1).to_i64().ok_or_else(|| CallError::of(1, "a whole number is required"))?,
        _ => return Err(CallError::new("takes no more than two arguments")),
    };
    let cost = u32::try_from(cost)
        .ok()
        .filter(|cost| *cost <= MAX_BCRYPT_COST)
        .ok_or_else(|| CallError::of(1, format!("cost must be between 4 and {MAX_BCRYPT_COST}")))?;
    // Below the least cost there is, the default one is taken.
    let cost = if cost < 4 { BCRYPT_COST } else { cost };
    if is_planning(call) {
        return Ok(call.unknown());
    }
    if call.text(0).len() > MAX_PASSWORD {
        return Err(CallError::of(0, format!("must not be longer than {MAX_PASSWORD} bytes")));
    }
    let hash = bcrypt::hash_with_result(call.text(0), cost).map_err(|error| CallError::new(error.to_string()))?;
    text(hash.format_for_version(Version::TwoA))
}

fn bcrypt_steps(arguments: &[Value]) -> u64 {
    let cost = arguments.get(1).and_then(Value::as_number).and_then(Number::to_u64);
    STEPS_OF_BCRYPT << cost.unwrap_or(u64::from(BCRYPT_COST)).min(u64::from(MAX_BCRYPT_COST))
}

fn rsadecrypt(call: &Call<'_>) -> Result<Value, CallError> {
    let key = call.text(1).trim();
    let ciphertext =
        STANDARD.decode(call.text(0)).map_err(|_| CallError::of(0, "cannot decode: the cipher text must be base64"))?;
    let key = RsaPrivateKey::from_pkcs1_pem(key)
        .ok()
        .or_else(|| RsaPrivateKey::from_pkcs8_pem(key).ok())
        .or_else(|| openssh_key(key))
        .ok_or_else(|| CallError::of(1, "not an RSA private key in PEM form without a passphrase"))?;
    let plain = key
        .decrypt(Pkcs1v15Encrypt, &ciphertext)
        .map_err(|_| CallError::new("failed to decrypt: the key does not fit the cipher text"))?;
    String::from_utf8(plain).map_or_else(|_| Err(CallError::new("the decrypted text is not valid UTF-8")), text)
}

/// An RSA key without a passphrase in the form that OpenSSH writes: after a header, fields
/// that each begin with their length (PROTOCOL.key in OpenSSH's source).
fn openssh_key(pem: &str) -> Option<RsaPrivateKey> {
    let body =
        pem.strip_prefix("-----BEGIN OPENSSH PRIVATE KEY-----")?.strip_suffix("-----END OPENSSH PRIVATE KEY-----")?;
    let bytes = decode_base64(body.trim())?;
    let mut rest = bytes.strip_prefix(b"openssh-key-v1\0")?;
    let (cipher, derivation, _options) = (field(&mut rest)?, field(&mut rest)?, field(&mut rest)?);
    if cipher != b"none" || derivation != b"none" {
        return None;
    }
    let (count, after) = rest.split_first_chunk::<4>()?;
    rest = after;
    let _public = field(&mut rest).filter(|_| u32::from_be_bytes(*count) == 1)?;
    // Two equal numbers by which a wrong passphrase would be found out stand before the key.
    let mut private = field(&mut rest)?.get(8..)?;
    if field(&mut private)? != b"ssh-rsa" {
        return None;
    }
    let mut number = || field(&mut private).map(BigUint::from_bytes_be);
    let (modulus, exponent, secret, _coefficient) = (number()?, number()?, number()?, number()?);
    RsaPrivateKey::from_components(modulus, exponent, secret, vec![number()?, number()?]).ok()
}

/// Takes a field off the front: four bytes of length, and as many bytes.
fn field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let (field, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    *rest = after;
    Some(field)
}

fn uuid(call: &Call<'_>) -> Result<Value, CallError> {
    if is_planning(call) {
        return Ok(call.unknown());
    }
    text(Uuid::new_v4().to_string())
}

fn uuidv5(call: &Call<'_>) -> Result<Value, CallError> {
    let namespace = match call.text(0) {
        "dns" => Uuid::NAMESPACE_DNS,
        "url" => Uuid::NAMESPACE_URL,
        "oid" => Uuid::NAMESPACE_OID,
        "x500" => Uuid::NAMESPACE_X500,
        other => {
            Uuid::parse_str(other).map_err(|_| CallError::new("the namespace must be dns, url, oid, x500 or a UUID"))?
        }
    };
    text(Uuid::new_v5(&namespace, call.text(1).as_bytes()).to_string())
}
