//! Reading a picture and writing it anew, under limits that stand before its pixels are allocated.

use std::io::Cursor;

use bytes::Bytes;
use image::codecs::gif::{GifDecoder, GifEncoder, Repeat};
use image::codecs::jpeg::JpegEncoder;
use image::error::{LimitError, LimitErrorKind};
use image::{AnimationDecoder as _, DynamicImage, ImageDecoder as _, ImageError, ImageReader, ImageResult, Limits};

use super::{Kind, frames};

/// The same picture, drawn anew: turned as its camera said, and nothing with it but its pixels. Blocks, and takes
/// long for a large one.
///
/// # Errors
///
/// [`ImageError`] if it is no picture of this kind, or a larger one than is drawn here.
pub(super) fn redraw(kind: Kind, bytes: &[u8]) -> ImageResult<Bytes> {
    let frames = match kind {
        Kind::Gif => frames::count(bytes).ok_or_else(too_much)?,
        Kind::Jpeg | Kind::Png => 1,
    };
    if frames > MAX_FRAMES {
        return Err(too_much());
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), kind.format());
    reader.limits(limits());
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 || decoder.total_bytes() > MAX_BYTES {
        return Err(too_much());
    }
    // An animation whose frames would be too much together stands still on its first one.
    if frames > 1 && u64::from(width) * u64::from(height) * frames as u64 <= MAX_ANIMATED_PIXELS {
        return animation(bytes);
    }
    let turned = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(turned);
    let mut out = Cursor::new(Vec::new());
    match kind {
        Kind::Jpeg => picture.write_with_encoder(JpegEncoder::new_with_quality(&mut out, 90))?,
        Kind::Gif | Kind::Png => picture.write_to(&mut out, kind.format())?,
    }
    Ok(out.into_inner().into())
}

fn animation(bytes: &[u8]) -> ImageResult<Bytes> {
    let mut decoder = GifDecoder::new(Cursor::new(bytes))?;
    decoder.set_limits(limits())?;
    let mut out = Vec::new();
    let mut encoder = GifEncoder::new_with_speed(&mut out, 10);
    encoder.set_repeat(Repeat::Infinite)?;
    encoder.try_encode_frames(decoder.into_frames())?;
    drop(encoder);
    Ok(out.into())
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(2 * MAX_BYTES);
    limits
}

fn too_much() -> ImageError {
    ImageError::Limits(LimitError::from_kind(LimitErrorKind::DimensionError))
}

/// Pixels along one side.
const MAX_SIDE: u32 = 4096;
/// Of the pixels in memory.
const MAX_BYTES: u64 = 4 * (MAX_SIDE as u64) * (MAX_SIDE as u64);
/// Of an animation.
const MAX_FRAMES: usize = 1000;
/// Of all frames of an animation together.
const MAX_ANIMATED_PIXELS: u64 = 8 << 20;
