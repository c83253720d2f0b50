//! `Path::may_reach` misses no path that nginx, a real server, takes for a folder or a path in it.

use spoa::http::Path;
use spoa::testing::{Service, free_port};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Command;

/// The answer tells how nginx reads the path. `alias` would do the same with files.
const CONFIGURATION: &str = "\
daemon off; master_process off; pid nginx.pid; events {}
http {
  access_log off;
  client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t; scgi_temp_path t;
  server {
    listen 127.0.0.1:PORT; keepalive_requests 1000000;
    location = /admin { return 200 in; }
    location ^~ /admin/ { return 200 in; }
    location / { return 200 out; }
  }
}
";

/// Pieces of paths: separators, dots, the name, and escapes of each.
const PIECES: [&str; 16] = [
    "/", "//", "/.", "/..", "/%2e", "/.%2E", "%2f", "%2F..", "%5c", "/x", "/admin", "admin",
    "/%61dmin", "/ADMIN", ";v=1", "%00",
];

struct Nginx {
    _service: Service,
    connection: BufReader<TcpStream>,
    port: u16,
}

impl Nginx {
    fn start() -> Self {
        let port = free_port();
        let folder =
            std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("nginx-{port}"));
        fs::create_dir_all(&folder).unwrap();
        let configuration = CONFIGURATION.replace("PORT", &port.to_string());
        fs::write(folder.join("nginx.conf"), configuration).unwrap();
        let mut command = Command::new("nginx");
        command.args(["-e", "stderr", "-c", "nginx.conf", "-p"]);
        let service = Service::start(command.arg(&folder), port);
        Nginx {
            _service: service,
            connection: connect(port),
            port,
        }
    }

    /// Asks for a path. Returns the status and the body.
    fn get(&mut self, path: &str) -> (u16, String) {
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
        self.connection
            .get_mut()
            .write_all(request.as_bytes())
            .unwrap();
        let mut line = String::new();
        self.connection.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        let (mut length, mut closes) = (0, false);
        loop {
            let mut line = String::new();
            self.connection.read_line(&mut line).unwrap();
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
            closes |= line == "connection: close";
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.connection.read_exact(&mut body).unwrap();
        if closes {
            self.connection = connect(self.port);
        }
        (status, String::from_utf8(body).unwrap())
    }
}

fn connect(port: u16) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_nodelay(true).unwrap();
    BufReader::new(stream)
}

#[test]
fn no_path_that_nginx_takes_for_a_folder_is_missed() {
    let mut nginx = Nginx::start();
    let mut paths: Vec<String> = vec![String::new()];
    let mut reached = 0;
    for _ in 0..3 {
        let longer = paths
            .iter()
            .flat_map(|path| PIECES.map(|piece| format!("{path}{piece}")));
        paths = longer.collect();
        for path in paths.iter().filter(|path| path.starts_with('/')) {
            let answer = nginx.get(path);
            if answer == (200, "in".to_owned()) {
                reached += 1;
                assert!(Path::new(path.as_bytes()).may_reach("/admin"), "{path}");
            } else {
                assert!(matches!(answer.0, 200 | 400), "{path}: {answer:?}");
            }
        }
    }
    // Most of the forms that the documentation of `may_reach` names are among them.
    assert!(reached > 100, "{reached}");
}
