# Sourced by the harness of Redis's test suite, after its own procedures.

# Runs a block of a test file command by command, `level` frames up: one that throws outside a case
# is reported as a failure of its own and doesn't hide the cases behind it.
proc run_commands {level block} {
    set command ""
    foreach line [split $block "\n"] {
        append command $line "\n"
        if {![info complete $command]} continue
        set status [catch {uplevel $level $command} message]
        if {$status == 1} {
            set title [string trim [lindex [split [string trim $command] "\n"] 0]]
            incr ::num_failed
            send_data_packet $::test_server_fd err \
                "outside a case: $title in $::curfile\n$::errorInfo"
        } elseif {$status == 2} {
            return $message
        }
        set command ""
    }
}

# Runs `script` with the server's settings (name value ...) in `variable`; errors are nobody's
# concern, a server that is gone shows in the cases.
proc with_settings {variable client script} {
    upvar 1 $variable settings $client connection
    catch {
        set connection [redis $::host $::port 0 $::tls]
        set settings [$connection config get *]
        uplevel 1 $script
        $connection close
    }
}

# A case that fails half way leaves settings behind, or an open transaction, that later cases would
# stumble over: the settings are set back to what they were, and the connection is a new one.
rename test run_case
proc test {name code args} {
    set failed $::num_failed
    with_settings before connection {}
    uplevel 1 [list run_case $name $code {*}$args]
    if {$::num_failed == $failed} return
    catch {reconnect}
    with_settings after connection {
        foreach {setting value} $after {
            if {[dict get $before $setting] ne $value} {
                $connection config set $setting [dict get $before $setting]
            }
        }
    }
}
