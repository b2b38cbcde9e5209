// @ts-check
/** The patient banner: two identifiers at every size, the study, and more on demand. */
import { byId, make } from "./dom.js";

/** @typedef {import("./types.js").Banner} Banner */

/**
 * What the banner says, in order; an empty value is left out, a missing identifier is named as missing.
 * @param {Banner} banner
 * @returns {{label: string, text: string, className: string}[]}
 */
export function bannerItems(banner) {
  const other = [banner.patient_name_ideographic, banner.patient_name_phonetic].filter(Boolean).join(" ");
  const born = [banner.birth_date_text || "unknown", banner.age_text && `(${banner.age_text})`].filter(Boolean).join(" ");
  const items = [
    { label: "", text: banner.patient_name || "no name", className: "name" },
    { label: "", text: other, className: "item" },
    { label: "ID", text: banner.patient_id || "none", className: "item" },
    { label: "Issuer", text: banner.issuer ?? "", className: "item detail" },
    { label: "Born", text: born, className: "item" },
    { label: "Sex", text: banner.sex, className: "item" },
    { label: "Study", text: banner.study_date_text, className: "item" },
    { label: "", text: banner.description, className: "item" },
    { label: "Accession", text: banner.accession_number ?? "", className: "item detail" },
    { label: "Institution", text: banner.institution ?? "", className: "item detail" },
  ];
  return items.filter((item) => item.text);
}

/** @param {Banner} banner */
export function showBanner(banner) {
  byId("who").replaceChildren(
    ...bannerItems(banner).map(({ label, text, className }) => make(className === "name" ? "h1" : "span", className, ...(label ? [make("span", "", label), text] : [text]))),
  );
}
