//! What a newcomer does with docker-compose.yml, and what an operator then expects of it.

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::base_images;
use super::engine::Engine;
use super::expectation::{eventually, expect};
use super::load::{Client, PUBLISHED};
use super::observability;
use super::project::{Project, write};
use crate::error::{Context, Error, Result};
use crate::{command, example};

/// An answer that takes longer than this was held up by the bridge that stopped.
const SLOW: Duration = Duration::from_secs(2);

/// Builds the images, starts the services and uses them; prints a line for each check.
///
/// # Errors
/// Returns an error if there is no engine, or a check fails: the first that does.
pub fn check() -> Result<()> {
    let engine = Engine::ensure()?;
    base_images::ensure(&engine)?;
    let mut project = Project::new(&engine)?;
    let clock = Instant::now();
    let did = |what: &str| println!("{:>4} s  {what}", clock.elapsed().as_secs());

    project.run(&["build"])?;
    did("the images are built, from files that only their owner can read");
    project.run(&["up", "--detach"])?;
    ["broker", "bridge", "edge"].iter().try_for_each(|service| project.wait_until_healthy(service, 1))?;
    did("broker, bridge and edge are healthy");
    are_confined(&project)?;
    did("their containers are read-only, without capabilities, and run as nobody");

    let token = project.run(&["run", "--rm", "-T", "token"])?.trim().to_owned();
    let client = Client::new(project.ports().http, &token);
    the_example_arrives(&project, &client, &[])?;
    did("the documentation's example is answered 204 and arrives with every property");
    refusals(&client)?;
    did("a request without a token is answered 401, and an invalid one 400");
    https(&engine, &project)?;
    did("the certificate of the https port is valid for more than 30 days");

    quiet(&project)?;
    did("health checks leave nothing in the broker's log");
    three_bridges(&project, &client)?;
    did("three bridges share the messages");
    let (sent, slowest) = client.keep_publishing(|| stop_a_bridge(&engine, &project))?;
    expect(slowest < SLOW, || format!("An answer took {slowest:.1?} while a bridge stopped."))?;
    did(&format!(
        "a bridge stops under load: {sent} messages, none lost, the slowest answer after {slowest:.1?}"
    ));
    observability::check(&project)?;
    did("Prometheus scrapes the edge and two bridges, and evaluates the alerts");
    restart(&project, &client, "broker")?;
    did("the broker restarts, and messages are published again");
    restart(&project, &client, "edge")?;
    did("the edge restarts, and messages are published again");
    let logs = project.run(&["logs", "--no-color"])?;
    expect(!logs.contains(&token), || "A log shows a token.".to_owned())?;
    did("no log shows the token");

    down(&project)?;
    did("everything ends within ten seconds");
    over_tls(&mut project, &token)?;
    did("with deploy/docker/tls.yaml, the example arrives over TLS");
    rebuilds(&engine, &project)?;
    did("a change of main.rs compiles only this repository's crates, and one of the README builds nothing");
    Ok(())
}

fn are_confined(project: &Project<'_>) -> Result<()> {
    let template =
        "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}} {{.Config.User}}";
    for service in ["broker", "bridge", "edge", "certificate"] {
        for container in project.run(&["ps", "--all", "-q", service])?.split_whitespace() {
            let settings = project.inspect(container, template)?;
            expect(settings == "true [ALL] [no-new-privileges:true] 65534:65534", || {
                format!("{service} is not confined: {settings}.")
            })?;
        }
    }
    Ok(())
}

fn the_example_arrives(project: &Project<'_>, client: &Client, broker: &[&str]) -> Result<()> {
    let mut exec =
        project.compose(&["exec", "-T", "broker", "mosquitto_sub", "-V", "5", "-q", "1", "-t", "#"])?;
    exec.args(broker).args(["-C", "1", "-W", "60", "-F", "%t|%q|%R|%D|%P|%C|%p"]);
    let subscriber = exec.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let subscriber = subscriber.context(|| "mosquitto_sub cannot be started".to_owned())?;
    // Until it has subscribed, the answer is 202: the broker had no subscriber for the message.
    eventually("the example is answered 204", || {
        let status = client.post(example::PATH_AND_QUERY, &example::HEADERS, example::PAYLOAD)?;
        expect(PUBLISHED.contains(&status), || format!("The example is answered {status}."))?;
        Ok(status == 204)
    })?;
    let output = subscriber.wait_with_output().context(|| "mosquitto_sub cannot be waited for".to_owned())?;
    let received = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    let properties = example::USER_PROPERTIES.map(|(name, value)| format!("{name}:{value}")).join(" ");
    let expected = [
        example::TOPIC,
        "1",
        example::RESPONSE_TOPIC,
        &String::from_utf8_lossy(example::CORRELATION_DATA),
        &properties,
        example::CONTENT_TYPE,
        example::PAYLOAD,
    ];
    let expected = expected.join("|");
    expect(received == expected, || format!("mosquitto_sub printed `{received}` instead of `{expected}`."))
}

fn refusals(client: &Client) -> Result<()> {
    let target = "/mqtt/messages?topic=devices%2Fa";
    let statuses = (client.send(target, &[], "x")?, client.post(target, &[("mqtt-qos", "2")], "x")?);
    expect(statuses == (401, 400), || format!("The refusals are {statuses:?}."))
}

fn https(engine: &Engine, project: &Project<'_>) -> Result<()> {
    let openssl = ["run", "--rm", "-T", "--entrypoint", "openssl", "certificate"];
    let valid = ["x509", "-in", "/certificate/tls.crt", "-noout", "-checkend", "2592000"];
    project.run(&[&openssl[..], &valid].concat())?;
    let volume = format!("{}_certificate:/certificate:ro", Project::NAME);
    let address = format!("127.0.0.1:{}", project.ports().https);
    let run = ["run", "--rm", "--network", "host", "--volume", &volume, "postmqtt/development"];
    let connect = [
        "openssl",
        "s_client",
        "-connect",
        &address,
        "-CAfile",
        "/certificate/tls.crt",
        "-verify_return_error",
    ];
    command::output(&mut engine.docker(&[&run[..], &connect].concat())).map(drop)
}

fn quiet(project: &Project<'_>) -> Result<()> {
    let log = || project.run(&["logs", "--no-color", "broker"]);
    let before = log()?;
    // Two health checks of each service.
    std::thread::sleep(Duration::from_secs(11));
    let after = log()?;
    expect(before == after, || format!("The broker's log grew: {}", after.replace(&before, "")))
}

fn three_bridges(project: &Project<'_>, client: &Client) -> Result<()> {
    project.run(&["up", "--detach", "--no-recreate", "--scale", "bridge=3"])?;
    project.wait_until_healthy("bridge", 3)?;
    let bridges = project.containers("bridge")?;
    let mut number = 0;
    eventually("all three bridges publish", || {
        for _ in 0..20 {
            number += 1;
            client.post(&format!("/mqtt/messages?topic=devices%2Fshared%2F{number}"), &[], "x")?;
        }
        let published = bridges.iter().map(|bridge| has_published(project, bridge));
        Ok(published.collect::<Result<Vec<bool>>>()?.into_iter().all(|published| published))
    })
}

/// The metrics of a bridge are on the address that it has in the services' own network.
fn has_published(project: &Project<'_>, bridge: &str) -> Result<bool> {
    let address = project.inspect(bridge, "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")?;
    let mut response = ureq::get(format!("http://{address}:8081/metrics"))
        .call()
        .context(|| "A bridge does not answer".to_owned())?;
    let metrics = response.body_mut().read_to_string().context(|| "The metrics cannot be read".to_owned())?;
    let published =
        |line: &str| line.starts_with("postmqtt_bridge_publishes_total{") && !line.ends_with(" 0");
    Ok(metrics.lines().any(published))
}

fn stop_a_bridge(engine: &Engine, project: &Project<'_>) -> Result<()> {
    let Some(bridge) = project.containers("bridge")?.pop() else {
        return Err(Error::new("There is no bridge."));
    };
    let clock = Instant::now();
    command::output(&mut engine.docker(&["stop", &bridge]))?;
    let took = clock.elapsed();
    let status = project.inspect(&bridge, "{{.State.ExitCode}}")?;
    expect(status == "0" && took < Duration::from_secs(10), || {
        format!("A bridge that is told to stop exits with status {status} after {took:?}.")
    })
}

fn restart(project: &Project<'_>, client: &Client, service: &str) -> Result<()> {
    project.run(&["restart", service])?;
    eventually(&format!("{service} is back"), || {
        // Meanwhile connections are refused and messages answered 503.
        let status = client.post("/mqtt/messages?topic=devices%2Fback", &[], "x");
        Ok(status.is_ok_and(|status| PUBLISHED.contains(&status)))
    })
}

fn down(project: &Project<'_>) -> Result<()> {
    let clock = Instant::now();
    project.run(&["stop"])?;
    let took = clock.elapsed();
    let containers = project.run(&["ps", "--all", "-q"])?;
    let statuses = containers.split_whitespace().map(|id| project.inspect(id, "{{.State.ExitCode}}"));
    let statuses: BTreeSet<String> = statuses.collect::<Result<_>>()?;
    expect(statuses == BTreeSet::from(["0".to_owned()]) && took < Duration::from_secs(10), || {
        format!("After {took:?} the services ended with the statuses {statuses:?}.")
    })?;
    project.run(&["down", "--volumes"]).map(drop)
}

fn over_tls(project: &mut Project<'_>, token: &str) -> Result<()> {
    project.overridden_by("deploy/docker/tls.yaml");
    project.run(&["up", "--detach"])?;
    ["broker", "bridge", "edge"].iter().try_for_each(|service| project.wait_until_healthy(service, 1))?;
    let client = Client::new(project.ports().http, token);
    the_example_arrives(project, &client, &["-p", "8883", "--cafile", "/certificate/tls.crt"])?;
    project.run(&["down", "--volumes"]).map(drop)
}

fn rebuilds(engine: &Engine, project: &Project<'_>) -> Result<()> {
    let images = || {
        let name =
            |image| command::output(&mut engine.docker(&["image", "inspect", "--format", "{{.Id}}", image]));
        ["postmqtt/edge:development", "postmqtt/bridge:development"]
            .into_iter()
            .map(name)
            .collect::<Result<Vec<_>>>()
    };
    let before = images()?;
    append(project, "README.md")?;
    project.run(&["build"])?;
    expect(images()? == before, || "A change of the README builds an image.".to_owned())?;
    append(project, "crates/bridge/src/main.rs")?;
    let mut build = project.compose(&["build", "bridge"])?;
    let output =
        build.stdin(Stdio::null()).output().context(|| "`docker compose` cannot be started".to_owned())?;
    let log = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let compiled = log.lines().filter(|line| line.contains(" Compiling ")).count();
    expect(output.status.success() && (1..20).contains(&compiled), || {
        format!("A line break in main.rs compiles {compiled} crates.")
    })
}

fn append(project: &Project<'_>, path: &str) -> Result<()> {
    let path = project.source().join(path);
    let text = fs::read_to_string(&path).context(|| format!("{} cannot be read", path.display()))?;
    write(&path, &(text + "\n"))
}
