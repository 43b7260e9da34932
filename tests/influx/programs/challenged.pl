#!/usr/bin/perl
# A client as quarqd2influxdb is one: it says nobody's name until it is asked for it, and keeps a realm to a host.
# Prints each check's name and the answers that came.
use strict;
use warnings;
use LWP::UserAgent;

my ($port, $account, $password, $base) = @ENV{qw(PORT ACCOUNT PASSWORD BASE)};

sub agent {
    my ($realm, $secret) = @_;
    my $agent = LWP::UserAgent->new(timeout => 20, keep_alive => 1);
    $agent->credentials("127.0.0.1:$port", $realm, $account, $secret) if defined $realm;
    return $agent;
}

# A write as that program does it: times in microseconds, many lines, the type of a form.
sub lines {
    my ($measurement, $count) = @_;
    return join '', map { sprintf "%s hr_bpm=%d,pwr_w=%d %d%06d\n", $measurement, 120 + $_, 200 + $_, $base, $_ } 1 .. $count;
}

sub check {
    my ($name, $agent, $path, $body) = @_;
    my $address = "http://127.0.0.1:$port$path";
    my $answer = defined $body ? $agent->post($address, Content => $body) : $agent->get($address);
    my @before = map { $_->code } $answer->redirects;
    my $text = $answer->decoded_content // '';
    $text =~ s/\s+$//;
    my $challenge = $answer->header('WWW-Authenticate') // '';
    print "$name\t", join(' ', @before, $answer->code), " [$challenge] $text\n";
}

my $good = agent('Protected', $password);
my $write = "/write?db=$account&precision=u";
check('a first write, challenged', $good, $write, lines('perl', 100));
check('a second write of the same agent', $good, $write, lines('perl2', 3000));
check('a read, challenged', agent('Protected', $password), "/query?db=$account&epoch=ns&q=SELECT+COUNT(hr_bpm),SUM(pwr_w)+FROM+perl,perl2");
check('credentials of another realm are kept back', agent('InfluxDB', $password), $write, lines('perl', 1));
check('no credentials', agent(), $write, lines('perl', 1));
check('a wrong password', agent('Protected', 'wrong horse'), $write, lines('perl', 1));
check('a bad line', $good, $write, "perl hr_bpm=\n");
check('another database', $good, '/write?db=other&precision=u', lines('perl', 1));
check('ping', agent(), '/ping');
