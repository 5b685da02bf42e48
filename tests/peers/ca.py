#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A throw-away certificate authority for tests and the demo, made with openssl(1).

    ca = Authority(directory)                    # makes directory/ca.pem and its key
    cert, key = ca.issue("server", hosts=["localhost", "127.0.0.1"])
    cert, key = ca.issue("gateway", client=True)
    ca.issue("old", hosts=["localhost"], start=-20, end=-10)    # days from now: expired
    ca.issue("early", hosts=["localhost"], start=10, end=20)    # not yet valid
    ca.pem                                       # what the other side must trust

Issuing a name again replaces its two files by rename, as a rotation would. From a shell:

    ca.py DIRECTORY            makes ca.pem, server.{pem,key} (localhost, 127.0.0.1, ::1) and
                               gateway.{pem,key} (a client certificate) unless they are there
"""
import datetime
import ipaddress
import os
import pathlib
import subprocess
import sys

CONFIG = """
[ca]
default_ca = here
[here]
dir = {dir}
database = {dir}/index.txt
serial = {dir}/serial
new_certs_dir = {dir}/issued
certificate = {dir}/ca.pem
private_key = {dir}/ca.key
default_md = sha256
policy = any
unique_subject = no
copy_extensions = none
[any]
commonName = supplied
[req]
distinguished_name = name
prompt = no
[name]
commonName = {name}
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""
LEAF = """
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = {usage}
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
{san}
"""


def _openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise RuntimeError(f"openssl {words[0]}: {done.stdout}")


def _stamp(days):
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return when.strftime("%Y%m%d%H%M%SZ")


class Authority:
    def __init__(self, directory, name="tocsin test authority"):
        self.dir = pathlib.Path(directory).absolute()
        self.pem = self.dir / "ca.pem"
        (self.dir / "issued").mkdir(parents=True, exist_ok=True)
        self.config = self.dir / "ca.cnf"
        if self.pem.exists():
            return
        self.config.write_text(CONFIG.format(dir=self.dir, name=name))
        (self.dir / "index.txt").write_text("")
        (self.dir / "serial").write_text("%016X\n" % int.from_bytes(os.urandom(7), "big"))
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                 "-noenc", "-days", 3650, "-config", self.config, "-extensions", "authority",
                 "-keyout", self.dir / "ca.key", "-out", self.pem)

    def issue(self, name, hosts=(), client=False, start=-1, end=365):
        """Returns (certificate, key) paths; start and end are days from now."""
        names = ["IP:" + h if _is_address(h) else "DNS:" + h for h in hosts]
        leaf = self.dir / (name + ".cnf")
        leaf.write_text(self.config.read_text() + LEAF.format(
            usage="clientAuth" if client else "serverAuth",
            san="subjectAltName = " + ", ".join(names) if names else ""))
        cert, key = self.dir / (name + ".pem"), self.dir / (name + ".key")
        new_cert, new_key = self.dir / (name + ".pem.new"), self.dir / (name + ".key.new")
        request = self.dir / (name + ".csr")
        _openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                 "-noenc", "-config", leaf, "-subj", "/CN=" + name, "-keyout", new_key,
                 "-out", request)
        _openssl("ca", "-batch", "-notext", "-config", leaf, "-extensions", "leaf", "-startdate",
                 _stamp(start), "-enddate", _stamp(end), "-in", request, "-out", new_cert)
        new_key.rename(key)
        new_cert.rename(cert)
        return cert, key


def _is_address(host):
    try:
        ipaddress.ip_address(host)
        return True
    except ValueError:
        return False


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: ca.py DIRECTORY")
    ca = Authority(sys.argv[1])
    if not (ca.dir / "server.pem").exists():
        ca.issue("server", hosts=["localhost", "127.0.0.1", "::1"])
    if not (ca.dir / "gateway.pem").exists():
        ca.issue("gateway", client=True)


if __name__ == "__main__":
    main()
