//! Addresses and prefixes of IPv4 and IPv6.

use std::net::{Ipv4Addr, Ipv6Addr};

use dashu_int::IBig;

use crate::types::Type;
use crate::value::Value;

use super::call::{Call, CallError, collected, text};
use super::table::{Allows, Function};

pub(super) fn functions() -> Vec<Function> {
    use Type::{Number, String};
    let of_prefix = |name, doc| Function::new(name, doc).takes("prefix", String).gives(String);
    vec![
        of_prefix("cidrhost", "The address of a host in a prefix, by its number.")
            .takes("hostnum", Number)
            .by(cidrhost),
        of_prefix("cidrnetmask", "The netmask of an IPv4 prefix.").by(cidrnetmask),
        of_prefix("cidrsubnet", "A subnet of a prefix that is longer by some bits, by its number.")
            .takes("newbits", Number)
            .takes("netnum", Number)
            .by(cidrsubnet),
        of_prefix("cidrsubnets", "Subnets of a prefix, one after the other, each longer by some bits.")
            .takes_more("newbits", Number, Allows::NOTHING)
            .gives(Type::list(String))
            .by(cidrsubnets),
    ]
}

/// The first address of a prefix, and how many of its bits are fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Prefix {
    base: u128,
    /// 32 or 128.
    width: u32,
    length: u32,
}

impl Prefix {
    fn parse(text: &str) -> Result<Prefix, String> {
        let refused = || format!("invalid CIDR address: {text}");
        let (address, length) = text.split_once('/').ok_or_else(refused)?;
        let (base, width) = match parse_v4(address) {
            Some(base) => (u128::from(base), 32),
            None => (u128::from(address.parse::<Ipv6Addr>().map_err(|_| refused())?), 128),
        };
        let digits = !length.is_empty() && length.len() <= 3 && length.bytes().all(|byte| byte.is_ascii_digit());
        let length = length.parse::<u32>().ok().filter(|length| digits && *length <= width).ok_or_else(refused)?;
        let host_bits = width - length;
        let base = base.checked_shr(host_bits).and_then(|base| base.checked_shl(host_bits)).unwrap_or(0);
        Ok(Prefix { base, width, length })
    }

    fn host_bits(self) -> u32 {
        self.width - self.length
    }

    fn show(self) -> String {
        // An IPv4 prefix written as IPv6 is shown as what it is.
        let is_mapped = self.width == 128 && Ipv6Addr::from(self.base).to_ipv4_mapped().is_some();
        let length = if is_mapped { self.length.saturating_sub(96) } else { self.length };
        format!("{}/{length}", show_address(self.base, self.width))
    }
}

/// Four decimal numbers; zeros before them mean nothing.
fn parse_v4(text: &str) -> Option<u32> {
    let parts: Vec<&str> = text.split('.').collect();
    if parts.len() != 4 {
        return None;
    }
    parts.iter().try_fold(0_u32, |address, part| {
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(address << 8 | u32::from(part.trim_start_matches('0').parse::<u8>().or_else(|_| zero(part)).ok()?))
    })
}

fn zero(part: &str) -> Result<u8, ()> {
    if part.bytes().all(|byte| byte == b'0') { Ok(0) } else { Err(()) }
}

fn show_address(address: u128, width: u32) -> String {
    match u32::try_from(address) {
        Ok(address) if width == 32 => Ipv4Addr::from(address).to_string(),
        _ => {
            let address = Ipv6Addr::from(address);
            address.to_ipv4_mapped().map_or_else(|| address.to_string(), |address| address.to_string())
        }
    }
}

fn cidrhost(call: &Call<'_>) -> Result<Value, CallError> {
    let prefix = Prefix::parse(call.text(0)).map_err(CallError::new)?;
    let number = call.number(1).to_integer().ok_or_else(|| CallError::new("hostnum must be a whole number"))?;
    let size = IBig::from(1) << usize::try_from(prefix.host_bits()).unwrap_or(0);
    let refused =
        || CallError::new(format!("prefix of {} does not accommodate a host numbered {number}", prefix.length));
    // A negative number counts from the end.
    let host = if number < IBig::ZERO { &size + &number } else { number.clone() };
    if host < IBig::ZERO || host >= size {
        return Err(refused());
    }
    let host = u128::try_from(host).map_err(|_| refused())?;
    let is_mapped = prefix.width == 128 && Ipv6Addr::from(prefix.base).to_ipv4_mapped().is_some();
    // For IPv4 addresses written as IPv6 the reference puts the number where an IPv4 address
    // would have it if the rest of the 128 bits followed.
    let host = if is_mapped { host.checked_shl(96).unwrap_or(0) } else { host };
    text(show_address(prefix.base | host, prefix.width))
}

fn cidrnetmask(call: &Call<'_>) -> Result<Value, CallError> {
    let prefix = Prefix::parse(call.text(0)).map_err(CallError::new)?;
    if prefix.width != 32 {
        return Err(CallError::new(format!("IPv6 addresses cannot have a netmask: {}", call.text(0))));
    }
    let mask = u32::MAX.checked_shl(prefix.host_bits()).unwrap_or(0);
    text(Ipv4Addr::from(mask).to_string())
}

fn cidrsubnet(call: &Call<'_>) -> Result<Value, CallError> {
    let prefix = Prefix::parse(call.text(0)).map_err(CallError::new)?;
    let new_bits = call.whole(1)?;
    let refused =
        || CallError::new(format!("insufficient address space to extend prefix of {} by {new_bits}", prefix.length));
    let new_bits = u32::try_from(new_bits).map_err(|_| refused())?;
    let length = prefix.length.checked_add(new_bits).filter(|length| *length <= prefix.width).ok_or_else(refused)?;
    let number = call.number(2).to_integer().ok_or_else(|| CallError::new("netnum must be a whole number"))?;
    let too_large =
        || CallError::new(format!("prefix extension of {new_bits} does not accommodate a subnet numbered {number}"));
    let subnet = u128::try_from(number.clone()).map_err(|_| too_large())?;
    if new_bits < 128 && subnet >> new_bits != 0 {
        return Err(too_large());
    }
    let base = prefix.base | subnet.checked_shl(prefix.width - length).unwrap_or(0);
    text(Prefix { base, length, ..prefix }.show())
}

fn cidrsubnets(call: &Call<'_>) -> Result<Value, CallError> {
    let prefix = Prefix::parse(call.text(0)).map_err(|message| CallError::of(0, message))?;
    // What is left of the prefix starts here, counted from its first address; `None` where
    // the counting itself has come to an end.
    let mut free = Some(0_u128);
    let mut subnets = Vec::new();
    for position in 1..call.arguments.len() {
        let length = subnet_length(call, prefix, position)?;
        let next = free.and_then(|free| place(prefix, free, length)).ok_or_else(|| {
            let after = subnets.last().cloned().unwrap_or_else(|| prefix.show());
            CallError::of(
                position,
                format!("not enough remaining address space for a subnet with a prefix of {length} bits after {after}"),
            )
        })?;
        let size = 1_u128.checked_shl(prefix.width - length);
        free = size.and_then(|size| next.checked_add(size));
        subnets.push(Prefix { base: prefix.base | next, length, ..prefix }.show());
    }
    Ok(Value::list(Type::String, collected(subnets.into_iter().map(Value::string))?))
}

fn subnet_length(call: &Call<'_>, prefix: Prefix, position: usize) -> Result<u32, CallError> {
    let refused = |message: &str| CallError::of(position, message);
    let bits = call.number(position).to_i64().ok_or_else(|| refused("a whole number is required"))?;
    match bits {
        ..1 => return Err(refused("must extend prefix by at least one bit")),
        33.. => return Err(refused("may not extend prefix by more than 32 bits")),
        _ => {}
    }
    let length = prefix.length + u32::try_from(bits).unwrap_or(0);
    if length > prefix.width {
        let protocol = if prefix.width == 32 { "IPv4" } else { "IPv6" };
        let message = format!("would extend prefix to {length} bits, which is too long for an {protocol} address");
        return Err(CallError::of(position, message));
    }
    Ok(length)
}

/// The first subnet of this length that lies in the prefix behind what is taken.
fn place(prefix: Prefix, free: u128, length: u32) -> Option<u128> {
    let size = 1_u128.checked_shl(prefix.width - length)?;
    let next = free.checked_next_multiple_of(size)?;
    let inside = prefix.host_bits() >= 128 || next >> prefix.host_bits() == 0;
    inside.then_some(next)
}
