//! An OCI image layout on disk (OCI Image Specification 1.1, image-layout.md): blobs under the name of their digest,
//! and an index that gives each image its tag. The same images make the same bytes.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use oci_spec::image::{
    ConfigBuilder, Descriptor, DescriptorBuilder, Digest, ImageConfigurationBuilder, ImageIndexBuilder,
    ImageManifestBuilder, MediaType, OciLayoutBuilder, PlatformBuilder, RootFsBuilder, SCHEMA_VERSION,
};
use rig::error::Context;
use rig::{Error, Result};
use sha2::{Digest as _, Sha256};

use super::image::{Blob, Content, File, Image, Origin, Run, USER};

/// A layout that is being written.
pub(super) struct Layout {
    directory: PathBuf,
    origin: Origin,
    tagged: Vec<Descriptor>,
}

/// The annotation that gives an image of a layout its tag.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
const TITLE: &str = "org.opencontainers.image.title";
const SOURCE: &str = "https://github.com/postmqtt/postmqtt";

// === impl Layout ===

impl Layout {
    /// Starts an empty layout; what was in the directory is removed.
    pub(super) fn create(directory: &Path, origin: Origin) -> Result<Self> {
        if directory.exists() {
            fs::remove_dir_all(directory).context(|| format!("{} cannot be removed", directory.display()))?;
        }
        let blobs = directory.join("blobs").join("sha256");
        fs::create_dir_all(&blobs).context(|| format!("{} cannot be made", blobs.display()))?;
        Ok(Self { directory: directory.to_path_buf(), origin, tagged: Vec::new() })
    }

    /// Adds an image under `tag`, and returns its digest.
    pub(super) fn add(&mut self, tag: &str, image: &Image) -> Result<Digest> {
        let manifest = self.manifest(image)?;
        Ok(self.tag(tag, manifest))
    }

    /// Adds one image for several platforms under `tag`, and returns the digest of their index.
    pub(super) fn add_for_platforms(&mut self, tag: &str, images: &[Image]) -> Result<Digest> {
        let manifests = images.iter().map(|image| self.manifest(image)).collect::<Result<Vec<_>>>()?;
        let annotations = images.first().map(|image| self.annotations(image)).unwrap_or_default();
        let index = ImageIndexBuilder::default()
            .schema_version(SCHEMA_VERSION)
            .media_type(MediaType::ImageIndex)
            .manifests(manifests)
            .annotations(annotations)
            .build()
            .context(|| "an index cannot be made".to_owned())?;
        let descriptor = self.write(MediaType::ImageIndex, &json(&index)?)?;
        Ok(self.tag(tag, descriptor))
    }

    /// Writes what makes the directory a layout.
    pub(super) fn finish(self) -> Result<()> {
        let layout = OciLayoutBuilder::default()
            .image_layout_version("1.0.0")
            .build()
            .context(|| "the layout cannot be described".to_owned())?;
        let index = ImageIndexBuilder::default()
            .schema_version(SCHEMA_VERSION)
            .media_type(MediaType::ImageIndex)
            .manifests(self.tagged)
            .build()
            .context(|| "the index cannot be made".to_owned())?;
        store(&self.directory.join("oci-layout"), &json(&layout)?)?;
        store(&self.directory.join("index.json"), &json(&index)?)
    }

    fn tag(&mut self, tag: &str, mut descriptor: Descriptor) -> Digest {
        descriptor.set_annotations(Some(HashMap::from([(REF_NAME.to_owned(), tag.to_owned())])));
        let digest = descriptor.digest().clone();
        self.tagged.push(descriptor);
        digest
    }

    fn manifest(&self, image: &Image) -> Result<Descriptor> {
        let annotations = self.annotations(image);
        let (config, layers) = match &image.content {
            Content::Files { files, run, .. } => {
                let tar = archive(files, self.origin.seconds)?;
                let layer = self.write(MediaType::ImageLayerGzip, &gzip(&tar)?)?;
                let config = self.configuration(image, run.as_ref(), &sha256(&tar), &annotations)?;
                (self.write(MediaType::ImageConfig, &config)?, vec![layer])
            }
            Content::Artifact { config, layers } => {
                let layers = layers.iter().map(|layer| self.write_titled(layer)).collect::<Result<_>>()?;
                (self.write(config.media_type.clone(), &config.bytes)?, layers)
            }
        };
        let manifest = ImageManifestBuilder::default()
            .schema_version(SCHEMA_VERSION)
            .media_type(MediaType::ImageManifest)
            .config(config)
            .layers(layers)
            .annotations(annotations)
            .build()
            .context(|| "a manifest cannot be made".to_owned())?;
        let mut descriptor = self.write(MediaType::ImageManifest, &json(&manifest)?)?;
        if let Some((os, architecture)) = image.platform() {
            let platform = PlatformBuilder::default().os(os).architecture(architecture).build();
            descriptor.set_platform(Some(platform.context(|| "a platform cannot be named".to_owned())?));
        }
        Ok(descriptor)
    }

    fn configuration(
        &self,
        image: &Image,
        run: Option<&Run>,
        diff_id: &str,
        annotations: &HashMap<String, String>,
    ) -> Result<Vec<u8>> {
        let (os, architecture) =
            image.platform().ok_or_else(|| Error::new("An artefact has no platform."))?;
        let wrong = || "an image's configuration cannot be made".to_owned();
        let mut config = ConfigBuilder::default().labels(annotations.clone());
        if let Some(run) = run {
            config = config
                .user(USER)
                .entrypoint([run.entrypoint.to_owned()])
                .cmd(run.arguments.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())
                .exposed_ports([run.port.to_owned()]);
        }
        let rootfs = RootFsBuilder::default().typ("layers").diff_ids([diff_id.to_owned()]).build();
        let configuration = ImageConfigurationBuilder::default()
            .created(self.origin.created.clone())
            .os(os)
            .architecture(architecture)
            .config(config.build().context(wrong)?)
            .rootfs(rootfs.context(wrong)?)
            .build()
            .context(wrong)?;
        json(&configuration)
    }

    /// OCI Image Specification 1.1, annotations.md.
    fn annotations(&self, image: &Image) -> HashMap<String, String> {
        let annotation =
            |key: &str, value: &str| (format!("org.opencontainers.image.{key}"), value.to_owned());
        HashMap::from([
            annotation("title", image.title),
            annotation("description", image.description),
            annotation("version", &self.origin.version),
            annotation("revision", &self.origin.revision),
            annotation("created", &self.origin.created),
            annotation("licenses", "Apache-2.0"),
            annotation("vendor", "postmqtt"),
            annotation("url", SOURCE),
            annotation("source", SOURCE),
            annotation("documentation", &format!("{SOURCE}/blob/main/docs/install.md")),
        ])
    }

    fn write_titled(&self, blob: &Blob) -> Result<Descriptor> {
        let mut descriptor = self.write(blob.media_type.clone(), &blob.bytes)?;
        descriptor.set_annotations(Some(HashMap::from([(TITLE.to_owned(), blob.title.to_owned())])));
        Ok(descriptor)
    }

    fn write(&self, media_type: MediaType, bytes: &[u8]) -> Result<Descriptor> {
        let name = sha256(bytes);
        let digest: Digest = name.parse().context(|| format!("{name} is not a digest"))?;
        store(&self.directory.join("blobs").join("sha256").join(digest.digest()), bytes)?;
        DescriptorBuilder::default()
            .media_type(media_type)
            .size(bytes.len() as u64)
            .digest(digest)
            .build()
            .context(|| "a blob cannot be described".to_owned())
    }
}

/// The layer: only the files, in the given order, owned by root.
fn archive(files: &[File], modified: u64) -> Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for file in files {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(file.mode.bits());
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(modified);
        header.set_size(file.bytes.len() as u64);
        tar.append_data(&mut header, file.path, file.bytes.as_slice())
            .context(|| format!("{} cannot be put into a layer", file.path))?;
    }
    tar.into_inner().context(|| "a layer cannot be made".to_owned())
}

/// Without a time and without a name, which would differ from run to run.
fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .context(|| "a layer cannot be compressed".to_owned())
}

/// JSON with its names in order: annotations are kept in a map that has none.
fn json(document: &impl serde::Serialize) -> Result<Vec<u8>> {
    let wrong = || "a document cannot be written as JSON".to_owned();
    let mut document = serde_json::to_value(document).context(wrong)?;
    document.sort_all_objects();
    serde_json::to_vec(&document).context(wrong)
}

/// `sha256:…`, as OCI writes a digest.
pub(super) fn sha256(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

fn store(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_what_sha256sum_prints() {
        assert_eq!(sha256(b""), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
