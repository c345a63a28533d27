// Photographs from a phone: some are larger than the platform takes, and all are larger than a page needs.

const FROM = 1 << 20; // bytes: smaller ones go as they are
const LONGEST = 2_048; // px of the longer side
const QUALITY = 0.85;

/** A photograph made smaller where it is large; any other file, and what cannot be read as a picture, as it is. */
export async function small(file) {
  if (!["image/jpeg", "image/png", "image/webp"].includes(file.type) || file.size <= FROM) return file;
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    return file; // the platform says what is wrong with it
  }
  const scale = Math.min(1, LONGEST / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(picture.width * scale);
  canvas.height = Math.round(picture.height * scale);
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  const made = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
  return made && made.size < file.size ? made : file;
}
