# Properties of the tests that CTest has found in the programs.
#
# Labels (ctest -L):
#   unit         need no servers
#   integration  need the servers in the environment: eval "$(scripts/servers env)"
#   quick        all unit tests, and the core of the integration tests (scripts/test --quick)
#   once         do not depend on the version and edition: connections, signals, bounds, queues
#                changed by hand, columns changed meanwhile, output. If scripts/test uses several
#                servers, these tests run only on the best ones
#   community    do nothing on the Apache edition that they do not do on an old Community edition. If
#                scripts/test uses both, these tests do not run on the Apache edition
#   slow         take much longer than others
#   restarts     restart the servers, and therefore run alone

set(quick "^(CommandLine.*|Control|CopyAggregates|CopyCompressed|CopyRows|CopyTogether|DualWrite|RefreshCaggs|StageAggregates|StageBounds|StageSelection|Verify|VerifyQuick)[.]")
set(once "^(.*/)?(Ascii.*|CheckEncodings|CommandLine.*|CloneRoles|ColumnChanges|CompletionPoint|Control|CopyConcurrency|DifferentEncodings|DismissedWorker|Faults|FewDifferences|Hook|ImportAsPsql|ImportBinary|ImportCheck|ImportColumns|ImportFaults|ImportFiles|ImportFilesEarlier|ImportRejects|ImportTimes|KindsOfData|Latin1.*|LockTable|Metrics|Output.*|PlainFaults|PlantedObjects|Pooler|PublishedRows|Queue|QueueChangedByHand|Report|Restart|RowSecurity|Sessions|SharedChunkFaults|StageBounds|Standby|SyncKeys|SyncWriters|Terminal|Throttle|ThrottleByServer|Tls|UnansweredCommit|Utf8.*|VerifyTypes|VerifyValues|Win1252.*)[.]")
set(community "^(.*/)?(ColumnChanges|CopyConcurrency|CopyShared|Crash|CrashOfCopy|EveryType|HypertableChanges|ImportConflicts|ImportFormats|ImportGuess|Mending|NoTrigger|PagedLoad|PlainMending|PlainSource|Privileges|PublishedRows|ReferencedRows|Repair|StageChanged.*|StageQueue|Sync.*)[.]")
set(longest "^(.*/)?(DualWriteStress[.].*Compressed.*|Faults[.](TheOutcomeOf|AHangingConnection|RecoversIfEverythingHangs|VerifyFindsHanging).*|ImportFaults[.]Survives.*|KindsOfData[.](Large|Wide).*|SharedChunkFaults[.].*)")
set(slow "^(.*/)?(ColumnChanges|CopyConcurrency|CopyShared|Crash|CrashOfCopy|DualWriteStress|EveryType|Faults|FewDifferences|ImportFaults|KindsOfData|OtherSlices|PagedLoad|PlainFaults|PlainSource|RandomHypertables|Restart|SharedChunkFaults)[.]")

foreach(test IN LISTS unit)
    set_tests_properties(${test} PROPERTIES LABELS "unit;quick" TIMEOUT 120)
endforeach()

foreach(test IN LISTS integration)
    set(labels integration)
    # The longest tests start first, so that they do not run alone at the end.
    set(cost 1)
    if(test MATCHES "${quick}")
        list(APPEND labels quick)
    endif()
    if(test MATCHES "${once}")
        list(APPEND labels once)
    endif()
    if(test MATCHES "${community}")
        list(APPEND labels community)
    endif()
    if(test MATCHES "${slow}")
        list(APPEND labels slow)
        set(cost 10)
    endif()
    if(test MATCHES "${longest}")
        set(cost 30)
    endif()
    set_tests_properties(${test} PROPERTIES LABELS "${labels}" COST ${cost} TIMEOUT 900)
    if(test MATCHES "^Restart[.]")
        set_tests_properties(${test} PROPERTIES LABELS "${labels};restarts" RUN_SERIAL ON)
    endif()
    # These tests grant session_replication_role, which changes a row of pg_parameter_acl. The whole
    # server has only one, and transactions cannot change it concurrently ("tuple concurrently
    # updated").
    if(test MATCHES "^Trigger(s|Checks)[.]")
        set_tests_properties(${test} PROPERTIES RESOURCE_LOCK pg_parameter_acl)
    endif()
    # This test measures which waits are simultaneous.
    if(test MATCHES "^Sessions[.]WaitTwelveTimes")
        set_tests_properties(${test} PROPERTIES RUN_SERIAL ON)
    endif()
endforeach()
